"""The commands and code of docs/deep-image-reconstruction.md fit the pipelines and files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import study_b_files as files
import yaml
from click.testing import CliRunner

from isocortex.cli import main
from isocortex_studies.shen_files import FILES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deep-image-reconstruction.md").read_text(encoding="utf-8")
PIPELINE = ROOT / "pipelines" / "deep-image-reconstruction-fmri.yaml"
BLOCKS = re.findall(r"<!-- run -->\n```(\w*)\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = [text.replace("\\\n", " ") for kind, text in BLOCKS if not kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files laid out as the page says."""
    place = tmp_path_factory.mktemp("docs")
    files.write_study(place / "shen2019")
    (place / "shen2019" / "pictures").rename(place / "pictures")
    (place / "shen2019" / "decodedfeatures" / "natural" / "VGG19").mkdir(parents=True)
    (place / "shen2019" / "estimated_vgg19_cnn_feat_std.mat").write_bytes(b"")
    (place / "VGG_ILSVRC_19_layers.caffemodel").write_bytes(b"")
    return place


def test_all_blocks_are_found() -> None:
    assert len(COMMANDS) == 3 and [kind for kind, _ in BLOCKS if kind] == ["python"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_can_run(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All settings, files and steps are checked, nothing is computed."""
    monkeypatch.chdir(folder)
    program, *arguments = shlex.split(command)
    assert program == "isocortex"
    result = CliRunner().invoke(main, [*arguments, "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "reconstructed" in result.output


def test_the_code_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    (code,) = [text for kind, text in BLOCKS if kind]
    exec(code, names)
    assert set(names["pictures"].stimuli) == set(names["patterns"].stimuli) - {"fixation"}


def test_the_page_names_all_presets_and_files() -> None:
    document = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    for preset in document["presets"]:
        assert f"`{preset}`" in PAGE
    for stem in FILES["original"].values():
        assert f"sub-01_{stem}.h5" in PAGE
