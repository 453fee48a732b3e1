"""Mistakes in YAML itself, and YAML that was made to do harm."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from mistake_kit import explained, require_problems, run, study

TRICKS = {
    "key twice": """
        steps:
          a: {use: numbers}
          a: {use: numbers}             #! steps.a | the key 'a' stands here twice (first in line 4)
    """,
    "several of them": """
        seed: 1
        seed: 2                         #! seed | the key 'seed' stands here twice (first in line 3)
        steps:
          a: {use: numbers, use: split}  #! steps.a.use | the key 'use' stands here twice
          b: !thing {use: numbers}      #! steps.b | the tag !thing is not allowed
    """,
    "Python object": """
        name: study
        steps: !!python/object/apply:os.system ["touch hacked"]  #! steps | !!python/object/apply:os.system
    """,
    "Python name": """
        name: !!python/name:os.system   #! name | !!python/name:os.system is not allowed | plain values only
        steps: {a: {use: numbers}}
    """,
    "set": """
        name: study
        steps: !!set {a, b}             #! steps | the tag !!set is not allowed
    """,
    "bytes": """
        name: !!binary aGVsbG8=         #! name | the tag !!binary is not allowed
        steps: {a: {use: numbers}}
    """,
    "date by a tag": """
        name: !!timestamp 2020-01-01    #! name | the tag !!timestamp is not allowed
        steps: {a: {use: numbers}}
    """,
    "tag of another type": """
        seed: !!int abc                 #! seed | 'abc' is not of the type that its tag says
        steps: {a: {use: numbers}}
    """,
    "merge key": """
        steps:
          a: &a {use: numbers}
          b:
            <<: *a                      #! steps.b.<< | merge key is not supported: write the keys out
    """,
    "alias that contains itself": """
        steps: &all
          a: *all                       #! steps.a | an alias (*name) inside of what it stands for
    """,
    "list that contains itself": """
        parameters:
          p: &p [1, *p]                 #! parameters.p[1] | without end
        steps: {a: {use: numbers}}
    """,
    "list as a key": """
        steps:
          a:
            use: numbers
            with:
              ? [a, b]                  #! steps.a.with | a key must be plain text
              : 3
    """,
    "key with half a character": """
        steps:
          a:
            use: numbers
            with: {"\\ud800": 3}        #! steps.a.with | which no file can hold; take it out
    """,
}

NO_YAML = {
    "tab": ("name: study\nsteps:\n\ta: {use: numbers}\n", 3, "a tab; YAML is indented by spaces"),
    "open quote": (
        'name: "study\nsteps: {}\nseed: 1\n',
        1,
        "a quotation mark is opened here and never closed",
    ),
    "open bracket": ("name: s\nsteps: {a: {use: x}\nseed: 1\n", 3, "the bracket of line 2 is never closed"),
    "bracket open to the end": ("name: study\nreport: [a,\n b\n", 2, "is opened here and never closed"),
    "braces around a parameter": ("name: s\nsteps: {a: {use: ${u}}}\n", 2, "write $name for a parameter"),
    "colon in text": ("name: a: b\nsteps: {}\n", 1, "put text that holds ': ' in quotes"),
    "indentation": ("name: s\nsteps:\n  a: {use: x}\n b: {use: x}\n", 4, "the indentation does not fit"),
    "text that begins with @": ("name: @a\n", 1, "has to stand in quotes"),
    "text that begins with *": ("name: s\nreport: [*.npz]\n", 2, "put text that begins with * in quotes"),
    "alias without anchor": ("name: s\nsteps: *s\n", 2, "an alias (*name) without its anchor (&name)"),
    "anchor twice": ("name: &s a\nsteps: &s {}\n", 2, "two anchors (&name) have one name"),
    "two documents": ("name: a\n---\nname: b\n", 2, "a file holds one pipeline"),
    "YAML of another time": ("%YAML 3.1\n---\nname: a\n", 1, "incompatible YAML document"),
    "NUL": ("name: a\nseed: 1\0\n", 2, "the character '\\x00' is not allowed in YAML; take it out"),
    "key without colon": ("name: a\nsteps\nseed: 1\n", 3, "a key without its colon"),
    "only text": ("hello\n", 1, "expected a mapping with the keys name and steps"),
    "a list": ("- name: a\n", 1, "expected a mapping with the keys name and steps"),
    "nothing": ("", None, "empty: a pipeline has at least a name and steps"),
    "only a comment": ("# nothing yet\n", None, "empty: a pipeline has at least"),
    "too large": ("name: a\n#" + "x" * 2**20, None, "larger than 1 MiB: this is no pipeline"),
    "nested flow": ("name: a\nseed: 1\nsteps: " + "[" * 3000 + "]" * 3000, 3, "50 levels deep"),
    "nested mappings": ("name: a\nsteps: " + "{a: " * 400 + "}" * 400, 2, "50 levels deep"),
    "nested blocks": ("name: a\n" + "".join(" " * n + "a:\n" for n in range(600)), 52, "50 levels deep"),
    "Latin-1": (
        "# caf\u00e9\nname: na\u00efve\n".encode("latin-1"),
        1,
        "0xe9 is not UTF-8; save the file as",
    ),
    "UTF-16": ("name: a\n".encode("utf-16"), 1, "is not UTF-8; save the file as UTF-8"),
    "an archive": (b"PK\x03\x04\xff\xfe" + bytes(range(256)), 1, "is not UTF-8"),
}


@pytest.mark.parametrize("mistake", TRICKS)
def test_a_trick_of_yaml_is_refused(mistake: str, tmp_path: Path) -> None:
    explained(tmp_path, TRICKS[mistake])
    assert not Path("hacked").exists()


@pytest.mark.parametrize("mistake", NO_YAML)
def test_what_is_no_yaml_is_explained(mistake: str, tmp_path: Path) -> None:
    text, line, words = NO_YAML[mistake]
    path = tmp_path / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    require_problems(run(path), path, [(line, "", (words,))])


def test_anchors_that_explode_are_stopped_at_once(tmp_path: Path) -> None:
    lines = ["parameters:", "  a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"  {name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    path = study(tmp_path, "\n".join([*lines, "steps: {a: {use: numbers}}", ""]))
    began = time.monotonic()
    said = run(path)
    assert time.monotonic() - began < 10
    assert said.code == 2
    assert "1 problem." in said.text
    assert "more than 100000 values once its aliases (*name) are written out" in said.text


def test_deep_nesting_inside_a_setting_names_its_place(tmp_path: Path) -> None:
    path = study(tmp_path, f"steps:\n  a:\n    use: numbers\n    with:\n      note: {'[' * 80}{']' * 80}\n")
    place = "steps.a.with.note[0][0][0][0]..."
    require_problems(run(path), path, [(7, place, ("nested more than 50 levels deep",))])


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    study(tmp_path, "steps: {a: {use: numbers}}\n")
    path = tmp_path / "stdy.yaml"
    require_problems(run(path), path, [(None, "", ("there is no such file; did you mean 'study.yaml'?",))])
    path = tmp_path / "nowhere" / "study.yaml"
    require_problems(run(path), path, [(None, "", ("there is no such file",))])


def test_a_folder_is_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder"
    require_problems(run(path), path, [(None, "", ("this is a folder; give the pipeline's YAML file",))])


def test_a_file_below_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    path = tmp_path / "file" / "study.yaml"
    require_problems(run(path), path, [(None, "", ("cannot be read (Not a directory)",))])


def test_aliases_that_do_no_harm_and_windows_text_are_read(tmp_path: Path) -> None:
    text = "\ufeffname: study\r\nplugins: [bench.py]\r\nsteps:\r\n  a: &a {use: numbers}\r\n  b: *a\r\n"
    path = study(tmp_path, "name: x\n")
    path.write_bytes(text.encode())
    said = run(path)
    assert (said.code, said.finished()) == (0, ["a", "b"]), said.text
