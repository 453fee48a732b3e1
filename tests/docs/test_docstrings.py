"""Every public module, class, function and method says what it does, also where an import list hides it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for folder in ("core", "plugins")
    for file in (ROOT / folder).rglob("*.py")
    if "my-plugin" not in file.parts
]
ELSEWHERE = ("hookimpl", "overload", ".setter")
"""Decorators of what is described elsewhere: a hook in its specification, a variant beside its function."""


def undocumented(node: ast.AST, name: str) -> Iterator[str]:
    """Public parts of a module or class without a docstring, itself included."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and not ast.get_docstring(node):
        yield name
    if isinstance(node, ast.FunctionDef):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef)):
            marks = [ast.unparse(mark) for mark in child.decorator_list]
            if not child.name.startswith("_") and not any(mark.endswith(ELSEWHERE) for mark in marks):
                yield from undocumented(child, f"{name}: {child.name}")
        elif isinstance(child, (ast.If, ast.Try)):
            yield from undocumented(child, name)


def test_everything_public_has_a_docstring() -> None:
    found = [
        lack
        for file in FILES
        for lack in undocumented(ast.parse(file.read_bytes()), str(file.relative_to(ROOT)))
    ]
    assert found == []


def test_what_lacks_one_is_found() -> None:
    text = """'Module.'
if True:
    def f(): ...
class C:
    'C.'
    def m(self): ...
    def _p(self): ...
    @ic.hookimpl
    def h(self): ...
"""
    assert list(undocumented(ast.parse(text), "x")) == ["x: f", "x: C: m"]
