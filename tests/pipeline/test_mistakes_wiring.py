"""Mistakes in the wiring: which step feeds which input, along which axes."""

from __future__ import annotations

from pathlib import Path

import pytest
from mistake_kit import explained, require_problems, run, study

WIRING = {
    "unknown step": """
        steps:
          first: {use: numbers}
          b: {use: double, from: {table: frist}}  #! steps.b.from.table | no step 'frist' | mean 'first'?
    """,
    "unknown input": """
        steps:
          a: {use: numbers}
          b: {use: double, from: {tabel: a}}  #! steps.b.from.tabel | no input 'tabel' | mean 'table'?
    """,
    "missing input": """
        steps:
          b: {use: double}                    #! steps.b | 'table' is missing (Table) | from: {table: step}
    """,
    "shorthand for several inputs": """
        steps:
          a: {use: numbers}
          b: {use: both, from: a}             #! steps.b.from | several inputs | {left: step, right: step}
    """,
    "shorthand for no input": """
        steps:
          a: {use: numbers}
          b: {use: numbers, from: a}          #! steps.b.from | has no inputs | leave from: out
    """,
    "another type": """
        steps:
          a: {use: numbers}
          b: {use: mean_rdm, from: {rdms: a}}  #! steps.b.from.rdms | a single Table | takes RDMs
    """,
    "one where many are wanted": """
        steps:
          a: {use: numbers}
          b: {use: join, from: {tables: a}}   #! steps.b.from.tables | one Table for each axis value | [a]
    """,
    "many where one is wanted": """
        axes: {subject: [S1, S2]}
        steps:
          a: {use: numbers, over: subject}
          b: {use: double, from: a}           #! steps.b.from.table | one Table for each subject | add over
    """,
    "a step that feeds itself": """
        steps:
          a: {use: double, from: a}           #! steps.a.from | wait for each other (a needs a) | cut
    """,
    "a circle": """
        steps:
          a: {use: double, from: c}           #! steps.a.from | (a needs c needs b needs a)
          b: {use: double, from: a}
          c: {use: double, from: b, with: {factor: two}}  #! steps.c.with.factor | expected a number
    """,
    "two circles": """
        steps:
          a: {use: double, from: b}           #! steps.a.from | (a needs b needs a)
          b: {use: double, from: a}
          c: {use: double, from: d}           #! steps.c.from | (c needs d needs c)
          d: {use: double, from: c}
    """,
    "output left out": """
        steps:
          a: {use: numbers}
          b: {use: split, from: a}
          c: {use: double, from: b}           #! steps.c.from.table | write one of b.first, b.second
    """,
    "unknown output": """
        steps:
          a: {use: numbers}
          b: {use: split, from: a}
          c: {use: double, from: b.frist}     #! steps.c.from.table | no output 'frist' | mean 'first'?
    """,
    "output of a step with one": """
        steps:
          a: {use: numbers}
          b: {use: double, from: a.table}     #! steps.b.from.table | a single Table: write 'a' alone
    """,
    "dot at the end": """
        steps:
          a: {use: numbers}
          b: {use: double, from: a.}          #! steps.b.from.table | 'a.' ends in a dot | write 'a'
    """,
    "a step twice in a list": """
        steps:
          a: {use: numbers}
          b: {use: join, from: {tables: [a, a]}}  #! steps.b.from.tables | stands here twice
    """,
    "an empty list": """
        steps:
          b: {use: join, from: {tables: []}}  #! steps.b.from.tables | an empty list; name at least one
    """,
    "a list for one table": """
        steps:
          a: {use: numbers}
          b: {use: double, from: {table: [a]}}  #! steps.b.from.table | not a list: write table: a
    """,
    "a list of what runs along an axis": """
        axes: {subject: [S1, S2]}
        steps:
          a: {use: numbers, over: subject}
          b: {use: join, from: {tables: [a]}}  #! steps.b.from.tables | a single result | over: subject
    """,
    "an unknown step in a list": """
        steps:
          a: {use: numbers}
          b: {use: join, from: {tables: [a, c]}}  #! steps.b.from.tables | there is no step 'c'
    """,
    "an input among the settings": """
        steps:
          a: {use: numbers}
          b:
            use: double
            with: {table: a}                  #! steps.b.with.table | is an input: write it under from:
    """,
    "a setting among the inputs": """
        steps:
          a: {use: numbers}
          b: {use: double, from: {table: a, factor: a}}  #! steps.b.from.factor | it is a setting | with:
    """,
    "unknown axis": """
        axes: {subject: [S1]}
        steps:
          a: {use: numbers, over: subjct}     #! steps.a.over | there is no axis 'subjct' | mean 'subject'?
    """,
    "axis that was not declared": """
        steps:
          a: {use: numbers, over: subject}    #! steps.a.over | no axis 'subject' | axes: {subject: [...]}
    """,
    "an axis twice": """
        axes: {subject: [S1]}
        steps:
          a: {use: numbers, over: [subject, subject]}  #! steps.a.over | twice; take one out
    """,
    "unused axis": """
        axes:
          subject: [S1]                       #! axes.subject | no step runs along this axis (over: subject)
        steps:
          a: {use: numbers}
    """,
    "axis without values": """
        axes:
          subject: []                         #! axes.subject | has no values; give at least one
        steps:
          a: {use: numbers, over: subject}
          b: {use: join, from: {tables: a}}
    """,
    "axis with equal labels": """
        axes:
          run: [1, "1"]                       #! axes.run | '1' occurs more than once
        steps:
          a: {use: numbers, over: run}
    """,
    "axis named like a parameter": """
        parameters: {subject: S1}
        axes:
          subject: [S1]                       #! axes.subject | also is a parameter 'subject'; rename one
        steps:
          a: {use: numbers, over: subject, with: {note: $subject}}
    """,
    "axis value used without the axis": """
        axes: {subject: [S1]}
        steps:
          a: {use: numbers, over: subject}
          b:
            use: numbers
            with:
              note: $subject                  #! steps.b.with.note | does not run along it: add over: subject
    """,
    "value the source has not": """
        axes:
          box: {from: shelf, only: [B1, B7]}  #! axes.box | there is no box 'B7' | known values: B1, B2
        steps:
          a: {use: take, with: {source: shelf}, over: box}
    """,
    "axis the source has not": """
        axes:
          boxes: {from: shelf}                #! axes.boxes | has no axis 'boxes' | did you mean 'box'?
        steps:
          a: {use: numbers, over: boxes}
    """,
    "setting the source has not": """
        axes:
          box:
            from: shelf
            boxs: 3                           #! axes.box.boxs | 'shelf' has no setting 'boxs' | mean 'boxes'?
        steps:
          a: {use: take, with: {source: shelf}, over: box}
    """,
    "source with a wrong setting": """
        axes:
          box: {from: shelf, boxes: 0}        #! axes.box | boxes has to be 1 or more
        steps:
          a: {use: take, with: {source: shelf}, over: box}
    """,
    "unknown source": """
        axes:
          box: {from: shelff}                 #! axes.box.from | 'shelff' | did you mean 'shelf'?
        steps:
          a: {use: take, with: {source: shelf}, over: box}
    """,
    "source that fails": """
        axes:
          box: {from: unreachable}            #! axes.box | 'unreachable' failed | the server does not answer
        steps:
          a: {use: take, with: {source: shelf}, over: box}
    """,
    "source that breaks its contract": """
        axes:
          box: {from: odd}                    #! axes.box | the data source 'odd' failed
        steps:
          a: {use: take, with: {source: shelf}, over: box}
    """,
    "step that lacks the axis of its source": """
        axes:
          box: {from: shelf}
        steps:
          a:
            use: take
            with: {source: shelf}             #! steps.a.with.source | gives tables by box | (over: box)
          b: {use: numbers, over: box}
    """,
    "source without the kind": """
        axes:
          box: {from: shelf}
        steps:
          a: {use: take, with: {source: simulated}, over: box}  #! steps.a.with.source | but no tables
    """,
}


@pytest.mark.parametrize("mistake", WIRING)
def test_a_mistake_in_the_wiring_is_explained(mistake: str, tmp_path: Path) -> None:
    explained(tmp_path, WIRING[mistake])


def test_files_that_a_source_wants_to_read_are_looked_for(tmp_path: Path) -> None:
    path = study(
        tmp_path,
        f"""
        axes:
          box: {{from: shelf}}
        steps:
          a:
            use: take
            over: box
            with:
              source: shelf
              root: {tmp_path}
        """,
        {"B1.txt": "there"},
    )
    missing = f"the data source wants to read {tmp_path / 'B2.txt'}"
    require_problems(run(path), path, [(9, "steps.a.with", (missing, "not there (a[box=B2])"))])
