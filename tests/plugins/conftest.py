"""A fresh Python environment that plugin packages can be installed into, on top of the one tests run in."""

from __future__ import annotations

import importlib.util
import os
import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Environment:
    """A virtual environment; everything runs in subprocesses of it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def packages(self) -> Path:
        """Where packages are installed."""
        paths = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("purelib", "venv", paths))

    def run(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python with arguments, in a folder where nothing can be imported by accident."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "ISOCORTEX_"))
        }
        command = [self.python, *arguments]
        return subprocess.run(
            command,
            env={**kept, "PIP_CONFIG_FILE": os.devnull, **variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def isocortex(
        self, *arguments: str | Path, code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line and check its exit code."""
        done = self.run("-m", "isocortex.cli", *arguments, **variables)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def pip(self, *arguments: str | Path) -> None:
        """Run pip, offline."""
        done = self.run("-m", "pip", "--disable-pip-version-check", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def install(self, package: Path) -> None:
        """Install a package from its source folder, with what is already here as its dependencies."""
        self.pip("install", "--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall", package)


@pytest.fixture(scope="session")
def new_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Environment]:
    """Make environments by name."""

    def make(name: str) -> Environment:
        environment = Environment(tmp_path_factory.mktemp(name) / "venv")
        outer = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        outer |= {path for path in site.getsitepackages() if path in sys.path}
        venv.create(environment.folder, with_pip=importlib.util.find_spec("pip") is None)
        # addsitedir, since a plain path would leave out the editable installs of the outer environment
        lines = [f"import site; site.addsitedir({path!r})" for path in sorted(outer)]
        (environment.packages / "outer.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return environment

    return make
