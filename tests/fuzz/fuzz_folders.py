"""Files of the output folder: labels beside arrays, records of results, runs and downloads.

The first line of an input names the file, the rest is what is in it; all else in the folder is sound.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutation import in_json
from fuzz_target import Target
from fuzz_texts import changed_yaml
from fuzz_watch import ROOT

from isocortex.assets.records import Record
from isocortex.data import Decoded, Features, Figure, Images, Patterns, RDMs, Space, StatMaps, Table
from isocortex.pipeline.plan import make_plan
from isocortex.pipeline.store import Store
from isocortex.pipeline.verify import verify
from isocortex.report.again import report_again

_SPACE = Space(np.ones((2, 2, 1), dtype=bool), np.diag([2.0, 2, 2, 1]))
_PIXELS = np.zeros((2, 2, 3, 3), dtype=np.uint8)
_FEATURES = {"conv1": np.ones((2, 3), "f4"), "fc6": np.ones((2, 4), "f4")}
DATA: dict[str, Any] = {
    "patterns.json": lambda: Patterns(np.ones((3, 4)), ("a", "b", "a"), ("1", "1", "2"), space=_SPACE),
    "rdms.json": lambda: RDMs(np.ones((2, 3)), ("a", "b", "c"), ("x", "y"), "cosine"),
    "features.json": lambda: Features(_FEATURES, ("a", "b"), ("k", "l"), "vgg19"),
    "decoded.json": lambda: Decoded(_FEATURES, ("a", "b"), None, "vgg19", "S1", "V1", (3, 4)),
    "maps.json": lambda: StatMaps(np.ones((2, 4)), ("x", "y"), _SPACE, "t"),
    "mask.json": lambda: StatMaps(np.ones((2, 4)), ("x", "y"), _SPACE, "t"),
    "images.json": lambda: Images(_PIXELS, ("a", "b"), ("k", "l")),
    "exact.json": lambda: Images(_PIXELS + 0.5, ("a", "b")),
    "table.json": lambda: Table(
        {"name": ["a", "b"], "n": [1, 2], "x": [1.5, float("nan")], "y": [True, False]}
    ),
    "figure.json": lambda: Figure(_png(), "A caption", Table({"x": [1.0]}), "alt"),
}
"""File -> makes the data that it describes."""
_NAMES = {"decoded.json": "features.json", "exact.json": "images.json"}
_PIPELINE = """name: small
steps:
  betas: {use: load_patterns, with: {source: simulated}, over: subject}
axes: {subject: {from: simulated, only: [S1]}}
"""


def _png() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_PIXELS[0]).save(buffer, "PNG")
    return buffer.getvalue()


def _data_folders(folder: Path) -> None:
    for name, make in DATA.items():
        place = folder / "data" / name
        place.mkdir(parents=True)
        make().save(place)
        shutil.copy(place / _NAMES.get(name, name), place / "sound")


def _data_seeds(folder: Path) -> list[bytes]:
    _data_folders(folder)
    return [f"{name}\n".encode() + (folder / "data" / name / "sound").read_bytes() for name in DATA]


def _data(path: Path) -> Any:
    head, _, body = path.read_bytes().partition(b"\n")
    name = head.decode("utf-8", "replace")
    place = path.parent / "data" / name
    (place / _NAMES.get(name, name)).write_bytes(body)
    return vars(type(DATA[name]()).load(place))


def _record(of: str) -> Any:
    content = {"size": 5, "sha256": "0" * 64, "time": 7}
    fetched = {"url": "https://x/y", "checksum": None, "sha256": "0" * 64, "size": 5, "date": "2024-01-01",
               "contents": {"a.txt": content}}  # fmt: skip
    return {"asset": of, "files": {"a.zip": fetched}}


def _run(folder: Path) -> None:
    """A small run, which is then looked at again with records that are spoilt."""
    from isocortex.pipeline import store as storing

    (folder / "small.yaml").write_text(_PIPELINE)
    store = Store(folder / "run")
    store.prepare()
    place = store.place(store.folder("betas", {"subject": "S1"}))
    with storing.writing(place) as new:
        data = DATA["patterns.json"]()
        (new / "result").mkdir()
        data.save(new / "result")
        record = {"format": storing.FORMAT, "key": None, "warnings": ["w"], "seed": 3,
                  "outputs": {"result": storing.describe(new, new / "result", data)}}  # fmt: skip
        storing.commit(new, place, record, {"seconds": 1.5})
    run = {"status": "done", "name": "small", "pipeline": str((folder / "small.yaml").resolve()), "seed": 0,
           "parameters": {}, "given_in": {}, "disabled": [], "plugins": [],
           "steps": {"betas[subject=S1]": {"status": "done", "seconds": 1.0, "warnings": [],
           "folder": "betas/subject=S1"}}}  # fmt: skip
    storing.write_json(folder / "run" / "run.json", run)
    storing.write_json(folder / "a.fetched.json", _record("a"))


_FILES = {
    "step.json": "run/betas/subject=S1/step.json",
    "timing.json": "run/betas/subject=S1/timing.json",
    "run.json": "run/run.json",
    "a.fetched.json": "a.fetched.json",
}


def _run_seeds(folder: Path) -> list[bytes]:
    _run(folder)
    found = {name: (folder / place).read_bytes() for name, place in _FILES.items() if name != "run.json"}
    return [f"{name}\n".encode() + content for name, content in found.items()]


def _run_again_seeds(folder: Path) -> list[bytes]:
    _run(folder)
    content = (folder / _FILES["run.json"]).read_text()
    return [("run.json\n" + content.replace(str(folder.resolve()), "@FOLDER@")).encode()]


def _records(path: Path) -> Any:
    head, _, body = path.read_bytes().partition(b"\n")
    name, folder = head.decode(), path.parent
    place = folder / _FILES[name]
    kept = place.read_bytes()
    place.write_bytes(body)
    try:
        if name == "a.fetched.json":
            record = Record(place)
            return [list(item.missing(folder)) for item in record.files.values()]
        result = Store(folder / "run").find(place.parent)
        if result is None:
            return None
        for output in result.outputs.values():
            assert output.folder.resolve().is_relative_to(folder.resolve()), "a result outside of its folder"
        return [result.seconds(), result.warnings, verify(folder / "run")]
    finally:
        place.write_bytes(kept)


def _again(path: Path) -> Any:
    _, _, body = path.read_bytes().partition(b"\n")
    body = body.replace(b"@FOLDER@/", f"{path.parent.resolve()}/".encode())  # never a path beside it
    (path.parent / _FILES["run.json"]).write_bytes(body)
    return report_again(path.parent / "run").read_text(encoding="utf-8")


def _plan_seeds(_: Path) -> list[bytes]:
    return [_PIPELINE.encode(), (ROOT / "pipelines" / "concept-codes.yaml").read_bytes()]


def _plan(path: Path) -> Any:
    return list(make_plan(path).instances)


FOLDERS = (
    Target("data", "own", _data_seeds, _data, in_json, names_file=False, share=1.5, prepare=_data_folders),
    Target("records", "own", _run_seeds, _records, in_json, names_file=False, prepare=_run),
    Target(
        "report-again", "own", _run_again_seeds, _again, in_json, names_file=False, share=0.05, prepare=_run
    ),
    Target("plan", "own", _plan_seeds, _plan, changed_yaml, "input.yaml", share=0.05),
)
