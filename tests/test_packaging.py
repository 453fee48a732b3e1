"""What is installed is what is here: no package, pipeline, page or template is left out of the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
FOLDERS = {**SETUPTOOLS["package-dir"]}
TEMPLATE = ROOT / "core" / "isocortex" / "plugins" / "my-plugin"


def packages() -> dict[str, Path]:
    """Every package that is here: name -> folder."""
    tops = {"isocortex": ROOT / "core" / "isocortex", "isocortex_pipelines": ROOT / "pipelines"}
    tops |= {path.parent.name: path.parent for path in (ROOT / "plugins").glob("*/__init__.py")}
    found = {}
    for top, folder in tops.items():
        for init in folder.rglob("__init__.py"):
            if TEMPLATE not in init.parents:
                found[".".join((top, *init.parent.relative_to(folder).parts))] = init.parent
    return found


def shipped() -> set[str]:
    """Files that have to be in the wheel, by their place in it."""
    places = set()
    for name, folder in packages().items():
        files = [
            path
            for path in folder.iterdir()
            if path.suffix in (".py", ".yaml", ".html", ".css", ".js") or path.name == "py.typed"
        ]
        places |= {f"{name.replace('.', '/')}/{path.name}" for path in files}
    template = [path for path in TEMPLATE.rglob("*") if path.suffix in (".py", ".toml", ".md", ".yaml")]
    return places | {f"isocortex/{path.relative_to(ROOT / 'core' / 'isocortex')}" for path in template}


def test_every_package_is_listed() -> None:
    listed = SETUPTOOLS["packages"]
    assert sorted(listed) == sorted(packages()), "pyproject.toml: [tool.setuptools] packages"
    assert len(set(listed)) == len(listed)


def test_every_package_has_its_folder() -> None:
    for name, folder in packages().items():
        top, *rest = name.split(".")
        assert ROOT / FOLDERS[top] / Path(*rest) == folder
    assert set(FOLDERS) == {name.partition(".")[0] for name in packages()}


def test_every_python_file_lies_in_a_package() -> None:
    for top in ("core", "plugins", "pipelines"):
        for path in (ROOT / top).rglob("*.py"):
            inside = (path.parent / "__init__.py").is_file() or TEMPLATE in path.parents
            assert inside, f"{path.relative_to(ROOT)}: its folder has no __init__.py"


def test_every_builtin_plugin_has_its_entry_point() -> None:
    points = PYPROJECT["project"]["entry-points"]["isocortex"]
    modules = {path.parent.name for path in (ROOT / "plugins").glob("*/plugin.py")}
    assert {value.removesuffix(".plugin") for value in points.values()} == modules
    assert all(value == f"isocortex_{name}.plugin" for name, value in points.items())


def test_the_version_is_said_once() -> None:
    import isocortex

    assert isocortex.__version__ == PYPROJECT["project"]["version"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy of what is here, without what is lying about."""
    copy, out = tmp_path_factory.mktemp("copy") / "isocortex", tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")
    for name in ("core", "plugins", "pipelines"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, copy]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = out.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_everything(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == shipped()
    for part in (
        "isocortex/py.typed",
        "isocortex/report/page.html",
        "isocortex_pipelines/concept-codes.yaml",
    ):
        assert part in inside
    assert "isocortex_pipelines/concept-codes.yaml" in inside
    assert "isocortex/plugins/my-plugin/src/my_plugin/example.yaml" in inside


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    [points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(points).decode()
    assert "isocortex = isocortex.cli:main" in text and "rsa = isocortex_rsa.plugin" in text
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
