"""What is reused and what is computed again: exactly what depends on a change."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from small_study import results, write_study

import isocortex as ic

RAW = {f"raw[subject=S{s},session={r}]" for s in (1, 2, 3) for r in ("one", "two")}
SMOOTHED = {name.replace("raw", "smoothed") for name in RAW}
ALL = RAW | SMOOTHED | {"weights", "table", "other"}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study that has run once."""
    path = write_study(tmp_path / "study")
    assert computed(path) == ALL
    return path


def computed(path: Path, **options: object) -> set[str]:
    """Run and give the ids of the instances that were computed."""
    run = ic.run(path, out=options.pop("out", path.parent / "out"), **options)
    return set(run.event.instances) - set(run.reused)


def test_nothing_changed_nothing_computed(study: Path) -> None:
    assert computed(study) == set()


def test_output_folder_and_workers_are_not_in_the_key(study: Path, tmp_path: Path) -> None:
    shutil.move(study.parent / "out", tmp_path / "elsewhere")
    assert computed(study, out=tmp_path / "elsewhere", workers=2) == set()


def test_moving_the_pipeline_changes_nothing(study: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(study.parent, tmp_path / "moved")
    assert computed(moved / "study.yaml") == set()


def test_a_setting_recomputes_its_step_and_what_follows(study: Path) -> None:
    assert computed(study, set={"width": 5}) == SMOOTHED | {"table"}
    assert computed(study, set={"width": 5}) == set()


def test_a_setting_of_the_last_step_recomputes_that_alone(study: Path) -> None:
    assert computed(study, set={"power": 2}) == {"table"}


def test_writing_out_a_default_is_no_change(study: Path) -> None:
    text = study.read_text()
    study.write_text(text.replace("weights: weights}}\n", "weights: weights}, with: {power: 1}}\n"))
    assert study.read_text() != text
    assert computed(study) == set()
    study.write_text(text.replace("noise: 1.0", "noise: 1"))
    assert computed(study) == set(), "1 and 1.0 are one number where a number is wanted"


def test_an_input_file_recomputes_its_readers(study: Path) -> None:
    (study.parent / "weights.txt").write_text("3.0\n")
    assert computed(study) == {"weights", "table", "other"}


def test_an_input_file_of_equal_size_and_time_is_still_seen(study: Path) -> None:
    path = study.parent / "weights.txt"
    stat = path.stat()
    path.write_text("4.0\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert computed(study) == {"weights", "table", "other"}


def test_equal_results_stop_the_wave(study: Path) -> None:
    (study.parent / "weights.txt").write_text("2.00\n")
    assert computed(study) == {"weights"}, "the same weights came out, so nothing after them changes"


def test_plugin_source_recomputes(study: Path) -> None:
    source = study.parent / "steps.py"
    source.write_text(source.read_text().replace("OFFSET = 0.0", "OFFSET = 1.0"))
    assert computed(study) == ALL


def test_the_seed_recomputes_what_draws(study: Path) -> None:
    study.write_text(study.read_text().replace("seed: 7", "seed: 8"))
    assert computed(study) == RAW | SMOOTHED | {"table", "other"}


def test_a_new_axis_value_computes_only_that(study: Path) -> None:
    study.write_text(study.read_text().replace("S3]", "S3, S4]"))
    new = {f"{step}[subject=S4,session={r}]" for step in ("raw", "smoothed") for r in ("one", "two")}
    assert computed(study) == new | {"table", "other"}


def test_the_order_of_axis_values_does_not_change_the_draws(study: Path) -> None:
    before = results(study.parent / "out")
    study.write_text(study.read_text().replace("[S1, S2, S3]", "[S3, S1, S2]"))
    assert computed(study) == {"table", "other"}
    after = results(study.parent / "out")
    assert {name for name in before if before[name] != after[name]} <= {
        f"{step}/{file}" for step in ("table", "other") for file in ("table.tsv", "step.json")
    }


@pytest.mark.parametrize("damage", ["delete", "truncate", "edit", "record"])
def test_a_damaged_result_is_computed_again(study: Path, damage: str) -> None:
    out = study.parent / "out"
    before = results(out)
    file = out / "raw" / "subject=S2" / "session=one" / ("step.json" if damage == "record" else "values.npy")
    content = file.read_bytes()
    if damage == "delete":
        file.unlink()
    else:
        file.write_bytes(content[:-1] + b"!" if damage == "edit" else content[:-20])
    assert computed(study) == {"raw[subject=S2,session=one]"}
    assert results(out) == before


def test_an_untouched_copy_is_reused(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study.parent / "out", tmp_path / "copy", copy_function=shutil.copyfile)
    assert computed(study, out=tmp_path / "copy") == set()


def test_library_versions_are_in_the_key(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isocortex.pipeline import fingerprint

    real = fingerprint._version
    monkeypatch.setattr(fingerprint, "_version", lambda top: "0.0" if top == "numpy" else real(top))
    assert computed(study) == ALL


def test_core_modules_that_are_used_are_in_the_key(study: Path) -> None:
    record = json.loads((study.parent / "out" / "weights" / "step.json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", record["code"]["source"])
    from isocortex.pipeline.fingerprint import _Closure

    closure = _Closure()
    closure.add("isocortex.data.table")
    assert {"isocortex.data.table", "isocortex.formats.tsv", "isocortex.formats.arrays"} <= set(closure.files)
    assert not [name for name in closure.files if name.startswith(("isocortex.cli", "isocortex.report"))]
    assert "numpy" in closure.libraries


def test_what_cannot_be_named_is_not_reused(tmp_path: Path) -> None:
    def local() -> ic.Table:
        """A step without importable source."""
        return ic.Table({"x": [1]})

    class Plugin:
        @ic.hookimpl
        def register_steps(self, register: object) -> None:
            register("local", local)  # type: ignore[operator]

    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsteps:\n  one: {use: local}\n")
    for _ in range(2):
        run = ic.run(path, tmp_path / "out", plugins=[Plugin()], workers=2)
        assert run.reused == []
    assert json.loads((tmp_path / "out" / "one" / "step.json").read_text())["key"] is None


def importable() -> ic.Table:
    """A step that a test module defines."""
    return ic.Table({"x": [1]})


class Importable:
    """A plugin object whose step can be named."""

    @ic.hookimpl
    def register_steps(self, register: object) -> None:
        register("importable", importable)  # type: ignore[operator]


def test_a_plugin_object_with_importable_steps_is_reused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsteps:\n  one: {use: importable}\n")
    first = ic.run(path, tmp_path / "out", plugins=[Importable()])
    second = ic.run(path, tmp_path / "out", plugins=[Importable()])
    assert (first.reused, second.reused) == ([], ["one"])


def test_dry_run_says_what_would_happen(study: Path) -> None:
    from isocortex.pipeline.plan import make_plan
    from isocortex.pipeline.preview import AFTER, REUSE, RUN, fates_of

    out = study.parent / "out"
    assert set(fates_of(make_plan(study), out)[0].values()) == {REUSE}
    fates, _ = fates_of(make_plan(study, {"width": 5}), out)
    assert {key for key, fate in fates.items() if fate == RUN} == SMOOTHED
    assert {key for key, fate in fates.items() if fate == AFTER} == {"table"}
    assert set(fates_of(make_plan(study), study.parent / "new")[0].values()) == {RUN}
    assert computed(study) == set(), "a dry run changes nothing"


def test_results_as_data(study: Path) -> None:
    run = ic.run(study, study.parent / "out")
    raw = run["raw"]
    assert isinstance(raw, ic.Collected)
    assert list(raw)[:3] == ["S1,one", "S1,two", "S2,one"]
    assert raw.values_of("S1,two") == {"subject": "S1", "session": "two"}
    assert raw["S1,one"].values.shape == (4, 50)
    assert list(run["table"].columns) == ["key", "mean", "draw"]
    assert run["table"]["key"].tolist() == list(raw)
    with pytest.raises(KeyError, match="did you mean 'raw'"):
        run["rav"]
