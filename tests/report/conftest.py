"""A run with every type of result, and a browser to look at its page with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tiny import write_tiny

import isocortex as ic
from isocortex.errors import StepFailed

STEPS = '''
from dataclasses import dataclass
from typing import ClassVar, NamedTuple
from isocortex.data import Data, Images, RDMs, Space, StatMaps, Table
from isocortex.formats import arrays

CONDITIONS = ("cat", "<b>dog</b>", "house", "bed")
MASK = np.zeros((9, 10, 8), dtype=bool)
MASK[2:7, 1:9, 2:6] = True
SPACE = Space(MASK, np.diag([-3.0, 3.0, 3.0, 1.0]))

@dataclass(frozen=True)
class LocalRDMs(Data):
    """RDMs at voxels in a type of a plugin."""
    kind: ClassVar[str] = "local"
    centres: np.ndarray
    values: np.ndarray
    space: Space

    def rdms(self, rows):
        return RDMs(self.values[rows], CONDITIONS, [str(row) for row in rows], "correlation")

    def save(self, folder):
        arrays.write_array(folder / "centres.npy", self.centres)
        arrays.write_array(folder / "values.npy", self.values)
        self.space.save(folder)

    @classmethod
    def load(cls, folder):
        values = [arrays.read_array(folder / f"{name}.npy") for name in ("centres", "values")]
        return cls(*values, Space.load(folder))

def local(shift: float) -> LocalRDMs:
    """The RDM at voxel k holds k and the five numbers after it."""
    centres = SPACE.voxels[::2].astype(np.int64)
    values = np.arange(len(centres), dtype=float)[:, None] + np.arange(6) + shift
    return LocalRDMs(centres, values, SPACE)

def models(like: RDMs | None = None) -> RDMs:
    """Models in another order of the conditions."""
    order = CONDITIONS[::-1]
    return RDMs(np.array([[1.0, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1]]), order, ["layer", "code"], "correlation")

def maps(name: str) -> StatMaps:
    """The number of the voxel, from -10; and one with a missing value."""
    values = np.stack([np.arange(SPACE.n_voxels) - 10.0, np.linspace(0, 1, SPACE.n_voxels)])
    values[1, 3] = np.nan
    return StatMaps(values, [f"{name} <i>t</i>", "share"], SPACE, "t")

class _Kinds(NamedTuple):
    """A map and what its numbers mean."""
    map: StatMaps
    key: Table

def kinds() -> _Kinds:
    """A map of kinds."""
    found = StatMaps(np.arange(SPACE.n_voxels)[None] % 3 + 0.0, ["best"], SPACE, "model number")
    return _Kinds(found, Table({"number": [1, 2], "model": ["code", "<i>layer</i>"]}))

def pvalues() -> StatMaps:
    """A map of p-values."""
    return StatMaps(np.linspace(0.001, 1, SPACE.n_voxels)[None], ["p"], SPACE, "p_fwe")

def behind() -> StatMaps:
    """An anatomical image, brighter to the front, that reaches farther than the mask."""
    whole = np.zeros(SPACE.shape, dtype=bool)
    whole[1:8, :, 2:6] = True
    values = np.argwhere(whole)[:, 1][None] / 9.0
    return StatMaps(values, ["<b>head</b>"], Space(whole, SPACE.affine), "anatomy")

def rdm() -> RDMs:
    """Two RDMs."""
    values = np.array([[1.0, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, np.nan]])
    return RDMs(values, CONDITIONS, ["first", "</script><b>second"], "euclidean")

def draw(rdms: RDMs, order: list[str] | None = None) -> ic.Figure:
    """A picture of it; a wide one where there is an order."""
    import base64, io
    from PIL import Image
    wide = io.BytesIO()
    Image.new("RGB", (3000, 200), (9, 99, 199)).save(wide, "png")
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    table = Table({"pair": ["a", "b"], "value": [1.5, 2.5]})
    png = wide.getvalue() if order else base64.b64decode(pixel)
    return ic.Figure(png, "Drawn <b>so</b>", table, "A point")

def numbers() -> Table:
    """Twelve numbers, not in order."""
    values = [3.0, 10, 9, float("nan"), -1, 100, 7, 6, 5, 4, 2, 1]
    return Table({"name": [f"row{i}" for i in range(12)], "value": values})

def guard() -> Table:
    """What guards found."""
    warnings.warn("guards: leak: two stimuli are in both; take them out")
    warnings.warn("something else")
    return Table({
        "guard": ["leak", "span", "size"], "severity": ["warning", "note", "ok"],
        "finding": ["two stimuli are in both", "<b>flat</b>", "all is well"], "value": [2.0, np.nan, 1.0]})

def images() -> Images:
    """Sixty pictures."""
    values = np.zeros((60, 200, 100, 3), dtype=np.uint8)
    values[:] = np.arange(60)[:, None, None, None] * 4
    return Images(values, [f"n{i}" for i in range(60)], ["cat"] * 30 + ["dog"] * 30)
'''
PIPELINE = """
description: Everything that a page can show (Kriegeskorte et al. 2008).
parameters: {shift: 0.0, name: digit, order: null}
presets: {shifted: {shift: 2.0}}
axes: {subject: [S1, S2]}
steps:
  local: {use: local, with: {shift: $shift}, over: subject}
  models: {use: models}
  maps: {use: maps, with: {name: $name}}
  kinds: {use: kinds}
  pvalues: {use: pvalues}
  rdm: {use: rdm}
  picture: {use: draw, from: {rdms: rdm}, with: {order: $order}}
  numbers: {use: numbers}
  guard: {use: guard}
  images: {use: images}
report: [picture, maps, kinds.map, pvalues, numbers, images]
"""


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run with every type of result."""
    folder = tmp_path_factory.mktemp("report")
    ic.run(write_tiny(folder, STEPS, PIPELINE), folder / "out", preset="shifted")
    return folder / "out"


@pytest.fixture(scope="session")
def ordered_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with an order of the conditions among the settings of the figure, and an image behind maps."""
    folder = tmp_path_factory.mktemp("ordered")
    order = ["bed", "house", "<b>dog</b>", "cat"]
    pipeline = PIPELINE.replace("report:", "  behind: {use: behind}\nreport:")
    ic.run(write_tiny(folder, STEPS, pipeline), folder / "out", set={"order": order})
    return folder / "out"


@pytest.fixture(scope="session")
def failed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run in which a step failed."""
    folder = tmp_path_factory.mktemp("failed")
    steps = 'def bad() -> ic.Table:\n    """Fails."""\n    raise ValueError("no <b>good</b>")\n'
    steps += 'def after(table: ic.Table) -> ic.Table:\n    """Waits."""\n    return table\n'
    path = write_tiny(folder, steps, "steps: {bad: {use: bad}, after: {use: after, from: {table: bad}}}\n")
    with pytest.raises(StepFailed):
        ic.run(path, folder / "out")
    return folder / "out"


def _without(reason: str) -> NoReturn:
    if os.environ.get("ISOCORTEX_TEST_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window; a test that needs it is skipped where there is none.

    With ISOCORTEX_TEST_BROWSER=required it fails there instead.
    """
    try:
        from selenium import webdriver
    except ImportError:
        _without("selenium is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    control = shutil.which("chromedriver")
    if not program or not control:
        _without("no Chromium with its chromedriver is installed (Debian: chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-background-networking"):
        options.add_argument(f"--{argument}")
    options.add_argument("--disable-component-update")
    options.add_argument("--force-prefers-reduced-motion")  # a click must not chase what is scrolling
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(control))
    yield driver
    driver.quit()


@pytest.fixture
def look(browser: Any) -> Any:
    """Opens the page of a run at a width; what is wrong with a page is in its console."""

    def opened(folder: Path, width: int = 1280) -> Any:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get((folder / "report.html").as_uri())
        return browser

    yield opened
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
