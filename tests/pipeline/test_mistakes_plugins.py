"""Mistakes in plugins: files that are not there or cannot be imported, names taken twice, bad annotations."""

from __future__ import annotations

from pathlib import Path

import pytest
from mistake_kit import explained, run, study

HEAD = """\
import isocortex as ic
from isocortex.data import Collected, Table
"""
HOOK = """

@ic.hookimpl
def register_steps(register):
    register("mine", mine)
"""
STEP = "def mine() -> Table:\n    return Table({'x': [1]})\n"
PIPELINE = """
name: study
plugins: [mine.py]{at_file}
steps:
  a: {{use: mine}}{at_step}
"""

AT_IMPORT = {
    "raises": ("raise RuntimeError('no licence')", "mine.py:3: | RuntimeError: no licence"),
    "syntax error": ("def mine(:", "mine.py:3: | SyntaxError"),
    "package that is not there": ("import not_installed_here", "mine.py:3: | No module named 'not_inst"),
    "name that is not there": ("mine = nothing", "mine.py:3: | NameError: name 'nothing'"),
}
OTHER_HOOKS = {
    "misspelt hook": ("def register_step(register): pass", "no hook 'register_step' | mean 'register_steps'"),
    "misspelt argument": ("def register_steps(registry): pass", "register_steps | registry"),
    "hook that raises": ("def register_steps(register): 1 / 0", "raised ZeroDivisionError"),
    "path without colon": (
        "def register_steps(register): register('mine', 'some.module')",
        "'some.module' | package.module:name",
    ),
}
STEPS = {
    "no annotation": ("def mine(x=3) -> Table: ...", "the parameter 'x' has no annotation"),
    "no return annotation": ("def mine(x: int = 3): ...", "return annotation must be a data type"),
    "another return annotation": ("def mine() -> int: ...", "return annotation must be a data type"),
    "unknown annotation": ("def mine(x: 'Foo') -> Table: ...", "mine cannot be read: name 'Foo' is not"),
    "annotation that is no Python": ("def mine(x: 'int int') -> Table: ...", "mine cannot be read"),
    "Collected of nothing": (
        "def mine(x: Collected) -> Table: ...",
        "'x' has to say of what it is Collected",
    ),
    "Collected of a number": ("def mine(x: Collected[int]) -> Table: ...", "of what it is Collected"),
    "class": ("class mine: pass", "must be a function, not class"),
    "number": ("mine = 3", "must be a function, not int 3"),
    "unknown output": (
        "import typing\nclass R(typing.NamedTuple):\n    a: 'Nope'\ndef mine() -> R: ...",
        "what it returns cannot be read: name 'Nope'",
    ),
}


@pytest.mark.parametrize("mistake", AT_IMPORT)
def test_a_plugin_file_that_cannot_be_imported_is_explained(mistake: str, tmp_path: Path) -> None:
    code, words = AT_IMPORT[mistake]
    text = PIPELINE.format(at_file=f"  #! plugins[0] | {words}", at_step="")
    explained(tmp_path, text, files={"mine.py": f"{HEAD}{code}\n{HOOK}"})


def test_a_plugin_file_that_ends_python_is_explained(tmp_path: Path) -> None:
    path = study(tmp_path, PIPELINE.format(at_file="", at_step=""), {"mine.py": "import sys\nsys.exit(0)\n"})
    said = run(path)
    assert said.code == 2
    assert f"{path}:2: plugins" in said.text


@pytest.mark.parametrize("mistake", OTHER_HOOKS)
def test_a_plugin_with_a_bad_hook_is_explained(mistake: str, tmp_path: Path) -> None:
    code, words = OTHER_HOOKS[mistake]
    path = study(
        tmp_path, PIPELINE.format(at_file="", at_step=""), {"mine.py": f"{HEAD}@ic.hookimpl\n{code}\n"}
    )
    said = run(path)
    assert said.code == 2
    assert f"{path}:2: plugins[0]: " in said.text
    assert str(tmp_path / "mine.py") in said.text
    for word in words.split(" | "):
        assert word in said.text


@pytest.mark.parametrize("mistake", STEPS)
def test_a_step_with_bad_annotations_is_explained(mistake: str, tmp_path: Path) -> None:
    code, words = STEPS[mistake]
    text = PIPELINE.format(at_file="", at_step=f"  #! steps.a.use | {words}")
    explained(tmp_path, text, files={"mine.py": f"{HEAD}{code}\n{HOOK}"})


def test_a_plugin_without_hooks_is_explained(tmp_path: Path) -> None:
    text = PIPELINE.format(at_file="  #! plugins[0] | isocortex.hookimpl, so it adds nothing", at_step="")
    explained(tmp_path, text, files={"mine.py": STEP.replace("Table", "dict")})


def test_a_component_whose_module_is_not_there_is_explained(tmp_path: Path) -> None:
    text = PIPELINE.format(
        at_file="", at_step="  #! steps.a.use | plugin 'mine' | from 'no_such.module:f' | No module named"
    )
    explained(tmp_path, text, files={"mine.py": HEAD + HOOK.replace("mine)", "'no_such.module:f')")})


FILES = {
    "missing": "plugins: [nope.py]       #! plugins[0] | there is no plugin file 'nope.py' | looked for",
    "not Python": "plugins: [bench.txt]     #! plugins[0] | whose name ends in .py",
    "a package": "plugins: [my_metrics]    #! plugins[0] | (installed plugins need no entry here)",
    "a folder": "plugins: [folder.py]     #! plugins[0] | there is no plugin file 'folder.py'",
    "text": "plugins: bench.py        #! plugins | expected a list ([a, b]), got 'bench.py'",
    "twice": "plugins: [bench.py, bench.py]  #! plugins[1] | two plugins would be called 'bench'",
    "of one name": "plugins: [bench.py, more/bench.py]  #! plugins[1] | rename one, or take it out",
    "a name too long": f"plugins: [{'a' * 3000}.py]  #! plugins[0] | there is no plugin file 'aaa",
}


@pytest.mark.parametrize("mistake", FILES)
def test_a_mistake_in_the_list_of_plugin_files_is_explained(mistake: str, tmp_path: Path) -> None:
    text = f"name: study\n{FILES[mistake]}\nsteps:\n  a: {{use: numbers}}\n"
    explained(tmp_path, text, files={"folder.py/x": "", "more/bench.py": ""})


def test_a_plugin_file_named_like_an_installed_plugin_is_explained(tmp_path: Path) -> None:
    path = study(tmp_path, "name: study\nplugins: [rsa.py]\nsteps:\n  a: {use: mine}\n")
    (tmp_path / "rsa.py").write_text(HEAD + STEP + HOOK)
    said = run(path)
    assert said.code == 2
    assert f"{path}:2: plugins[0]: {tmp_path / 'rsa.py'}: there already is a plugin 'rsa'" in said.text
    assert "rename this file" in said.text


def test_two_plugins_with_one_component_are_both_named(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        name: study
        plugins: [one.py, two.py]
        steps:
          a: {use: mine}  #! steps.a.use | plugin 'one' | and plugin 'two' | disable: [two]
        """,
        files={"one.py": HEAD + STEP + HOOK, "two.py": HEAD + STEP + HOOK},
    )


def test_a_plugin_that_takes_the_name_of_a_built_in_component_is_explained(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        name: study
        plugins: [mine.py]
        steps:
          a: {use: mean_rdm}  #! steps.a.use | plugin 'rsa' (isocortex | and plugin 'mine'
        """,
        files={"mine.py": HEAD + STEP + HOOK.replace('"mine"', '"mean_rdm"')},
    )


def test_what_is_switched_off_is_explained(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        disable: [rsa]
        steps:
          a: {use: mean_rdm}   #! steps.a.use | there is no step 'mean_rdm'
        """,
    )
    explained(
        tmp_path,
        """
        disable:
          - studies
          - rsaa               #! disable[1] | no plugin 'rsaa' to switch off | did you mean 'rsa'?
        steps:
          a: {use: numbers}
        """,
    )


def test_an_object_that_can_be_called_is_a_step(tmp_path: Path) -> None:
    code = "class Make:\n    def __call__(self, x: int) -> Table: return Table({'x': [x]})\nmine = Make()\n"
    text = PIPELINE.format(at_file="", at_step="  #! steps.a.with | the setting 'x' is missing")
    explained(tmp_path, text, files={"mine.py": HEAD + code + HOOK})
    said = run(
        study(tmp_path, PIPELINE.format(at_file="", at_step="").replace("mine}", "mine, with: {x: 1}}"))
    )
    assert (said.code, said.finished()) == (0, ["a"]), said.text
