"""What the page is made of: codes of numbers, room, places of steps, sources, and what is at the top."""

from __future__ import annotations

import base64
import json
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from nibabel.orientations import io_orientation
from scipy.spatial import cKDTree
from tiny import write_tiny

import isocortex as ic
from isocortex.data import RDMs, Space
from isocortex.data.spread import evenly
from isocortex.errors import GridMismatch, LabelMismatch
from isocortex.pipeline.plan import make_plan
from isocortex.pipeline.yaml_text import parse_scalar
from isocortex.report import maps, parts, searchlights
from isocortex.report.again import report_again
from isocortex.report.encoding import encoded_size, json_text, quantise
from isocortex.report.graph import HEIGHT, WIDTH, graph_of, steps_of
from isocortex.report.maps import world_axes
from isocortex.report.overview import asked, in_words
from isocortex.report.provenance import _written, command, sources
from isocortex.report.searchlights import mean_rdms, thinned


def decoded(values: Any, bits: Any) -> np.ndarray:
    """What the page makes of coded numbers."""
    plain = quantise(np.asarray(values), bits).plain()
    codes = np.frombuffer(base64.b64decode(plain["codes"]), dtype="<u2" if bits == 16 else np.uint8)
    found = plain["offset"] + codes * plain["step"]
    return np.where(codes == (65535 if bits == 16 else 255), np.nan, found)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "values",
    [
        [0.0, 1.0, 2.0, 254.0],
        [-3, 5, 7],
        [np.nan, 2.5, np.nan],
        [4.0, 4.0],
        [np.nan, np.nan],
        [],
        [True, False],
    ],
)
def test_small_whole_numbers_constants_and_nan_are_exact(values: list[float], bits: Any) -> None:
    np.testing.assert_array_equal(decoded(values, bits), np.asarray(values, dtype=float))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_off_by_no_more_than_half_a_step(bits: Any, dtype: Any) -> None:
    values = np.random.default_rng(0).normal(size=5000).astype(dtype)
    coded = quantise(values, bits)
    error = np.abs(decoded(values, bits) - values)
    assert error.max() == pytest.approx(coded.error, rel=1e-6)
    assert error.max() <= coded.step / 2 * (1 + 1e-6)
    assert (coded.low, coded.high) == (values.min(), values.max())


def test_infinite_and_enormous_numbers() -> None:
    coded = quantise(np.array([-np.inf, 1.0, np.inf, 3.0]), 16)
    assert coded.infinite == 2
    np.testing.assert_array_equal(decoded([-np.inf, 1.0, np.inf, 3.0], 16), [1, 1, 3, 3])
    assert quantise(np.array([-1e308, 1e308, 0.0]), 16).infinite == 2
    np.testing.assert_allclose(decoded([-1e300, 0, 1e300], 16), [-1e300, 0, 1e300], atol=1e300 / 6e4)


def test_json_ends_no_tag_and_is_read_back() -> None:
    hostile = {"</script><!--": ["&lt;", "\u2028", "\udce9", 1.5, None]}
    text = json_text(hostile)
    assert not set("<>&") & set(text) and text.isascii()
    assert json.loads(text) == hostile
    with pytest.raises(ValueError):
        json_text([float("nan")])


def test_room() -> None:
    budget = parts.Budget(10)
    assert budget.take(6) and not budget.take(5) and budget.take(4)
    assert [encoded_size(size) for size in (0, 1, 3, 4)] == [0, 4, 4, 8]


@pytest.mark.parametrize("seed", range(6))
def test_world_axes_are_those_of_nibabel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[rng.permutation(3)] * rng.choice([-3.0, 2.0], 3) + rng.normal(0, 0.2, (3, 3))
    orientation = io_orientation(affine)
    axis, flip = world_axes(affine)
    for voxel, (world, direction) in enumerate(orientation):
        assert axis[int(world)] == voxel
        assert flip[int(world)] == (direction < 0)


def local(space: Space, voxels: Any, values: Any, conditions: Any = ("a", "b", "c")) -> Any:
    return SimpleNamespace(
        space=space,
        centres=np.asarray(voxels),
        rdms=lambda rows: RDMs(
            np.asarray(values, dtype=float)[rows], conditions, [str(row) for row in rows], "x"
        ),
    )


SPACE = Space(np.ones((4, 4, 4), dtype=bool), np.eye(4))


def test_the_mean_rdm_is_by_voxel_and_by_label() -> None:
    one = local(SPACE, [[0, 0, 0], [1, 2, 3]], [[1, 2, 3], [4, 5, 6]])
    # other voxels, in another order; conditions c, b, a: the pairs c-b, c-a, b-a
    two = local(SPACE, [[3, 3, 3], [0, 0, 0]], [[7, 8, np.nan], [30, 20, 10]], ("c", "b", "a"))
    centres, mean, counts = mean_rdms([one, two])
    np.testing.assert_array_equal(centres, [[0, 0, 0], [1, 2, 3], [3, 3, 3]])
    np.testing.assert_array_equal(mean.values, [[5.5, 11, 16.5], [4, 5, 6], [np.nan, 8, 7]])
    assert mean.conditions == ("a", "b", "c")
    assert counts.tolist() == [2, 1, 1]


def test_rdms_of_other_conditions_or_grids_have_no_mean() -> None:
    one = local(SPACE, [[0, 0, 0]], [[1, 2, 3]])
    with pytest.raises(LabelMismatch):
        mean_rdms([one, local(SPACE, [[0, 0, 0]], [[1, 2, 3]], ("a", "b", "d"))])
    other = Space(np.ones((4, 4, 4), dtype=bool), np.diag([2.0, 1, 1, 1]))
    with pytest.raises(GridMismatch):
        mean_rdms([one, local(other, [[0, 0, 0]], [[1, 2, 3]])])


def test_centres_are_thinned_evenly() -> None:
    places = np.arange(64)
    np.testing.assert_array_equal(thinned(places, SPACE, 64), places)
    kept = thinned(places, SPACE, 8)
    assert np.array_equal(np.unique(np.unravel_index(kept, SPACE.shape)), [0, 2])
    # another mask: what both have is kept in both
    other = thinned(places[5:], SPACE, 8)
    assert len(set(kept.tolist()) & set(other.tolist())) == 6
    # a part of a part is the part of the whole
    np.testing.assert_array_equal(thinned(thinned(places, SPACE, 30), SPACE, 8), kept)
    big = np.argwhere(np.ones((40, 48, 36), dtype=bool))
    some = big[evenly(big, 1000)]
    assert len(np.unique(some, axis=0)) == 1000
    distance, _ = cKDTree(some).query(big)
    assert distance.max() < 5.2, "no voxel is farther from one; spread at random some are 6.4 away"


CHAIN = '''
def make() -> ic.Table:
    """Makes (Author & Other 2001; Once 2002). Since 2003 it does."""
    return ic.Table({"x": [1]})

def join(parts: ic.Collected[ic.Table]) -> ic.Table:
    """Joins (Kriegeskorte, Mur & Bandettini 2008)."""
    return ic.Table({"x": [2]})
'''


def test_a_step_stands_right_of_what_it_reads_and_no_two_overlap(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        CHAIN,
        """
steps:
  a: {use: make}
  b: {use: join, from: {parts: [a]}}
  c: {use: join, from: {parts: [a, b]}}
  d: {use: join, from: {parts: [a, c]}}
  e: {use: make}
""",
    )
    plan = make_plan(path)
    graph = graph_of(plan, steps_of(plan, dict.fromkeys(plan.instances), {}))
    places = {node.name: node for node in graph.nodes}
    assert set(places) == set("abcde")
    for first, second in ("ab", "ac", "bc", "ad", "cd"):
        assert places[first].x + WIDTH < places[second].x
    assert len(graph.edges) == 5
    for one in graph.nodes:
        assert 0 <= one.x <= graph.width - WIDTH and 0 <= one.y <= graph.height - HEIGHT
        for other in graph.nodes:
            apart = abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
            assert one is other or apart
    rsa = next(cited.text for cited in sources(plan)[0] if cited.address)
    assert rsa.startswith("Kriegeskorte N, Mur M, Bandettini P (2008)."), "a plugin knows it in full"
    assert {cited.text: cited.places for cited in sources(plan)[0]} == {
        "Author & Other 2001": ["a", "e"],
        "Once 2002": ["a", "e"],
        rsa: ["b", "c", "d"],
    }


@pytest.mark.parametrize(
    ("preset", "given", "said"),
    [
        (None, {}, "isocortex run tiny.yaml"),
        ("large", {}, "isocortex run tiny.yaml --preset large"),
        ("large", {"name": "a b"}, "isocortex run tiny.yaml --preset large --set 'name=a b'"),
        (None, {"n": 4}, "isocortex run tiny.yaml --set n=4"),
        ("large", {"n": 4}, "isocortex run tiny.yaml --set n=4 --set m=6"),
    ],
)
def test_the_command_gives_the_same_run(
    tmp_path: Path, preset: str | None, given: dict[str, Any], said: str
) -> None:
    steps = 'def make(n: int, m: int, name: str) -> ic.Table:\n    """Makes."""\n'
    steps += '    return ic.Table({"x": [n]})\n'
    path = write_tiny(
        tmp_path,
        steps,
        """
parameters: {n: 1, m: 2, name: x}
presets: {large: {n: 5, m: 6}, small: {n: 0}}
steps: {a: {use: make, with: {n: $n, m: $m, name: $name}}}
""",
    )
    plan = make_plan(path, given, preset)
    assert command(plan) == said
    assert {name for name, _, _ in asked(plan)[1]} == {
        name for name, value in plan.parameters.items() if value != {"n": 1, "m": 2, "name": "x"}[name]
    }


@pytest.mark.parametrize(
    "value",
    ["text", "3", "true", "", "a: b", "[x", None, True, 2, 1e-05, 0.5, [1, "2"], {"a": [1]}],
)
def test_a_setting_is_written_as_it_is_read(value: Any) -> None:
    assert parse_scalar(_written(value)) == value
    assert type(parse_scalar(_written(value))) is type(value)


def test_the_top_says_what_was_asked_found_and_warned(run_folder: Path) -> None:
    page = (run_folder / "report.html").read_text()
    top = page[page.index('id="overview"') : page.index('id="results"')]
    assert "<dt>preset</dt><dd>shifted</dd>" in top and "2.0 <span" in top and "(default 0.0)" in top
    assert top.index("two stimuli are in both") < top.index("&lt;b&gt;flat&lt;/b&gt;")
    assert top.count("two stimuli are in both") == 1, "the warning says it again"
    assert "something else" in top and "all is well" not in top
    assert "&#x26A0;" in top or "\u26a0 warning" in top


def test_what_a_figure_is_drawn_from_follows_it(run_folder: Path) -> None:
    page = (run_folder / "report.html").read_text()
    titles = [part.split('"')[0] for part in page.split('<section class="block" id="')[1:]]
    assert titles == [f"block-{number}" for number in range(1, 8)]
    assert "behind picture</span>" in page and page.index("behind picture") < page.index('id="block-3"')


def test_a_map_of_many_named_kinds_shows_kinds() -> None:
    values = np.array([1.0, 2, 15, 20, np.nan, *range(3, 15)])
    names = {str(number): f"layer {number}" for number in range(1, 21)}
    assert maps._scale(maps._Map("best", values, "model number", names), 1.0) == "labels"
    assert maps._scale(maps._Map("best", values, "count", {}), 1.0) == "sequential"
    assert maps._scale(maps._Map("best", values + 0.5, "t", names), 1.5) == "sequential"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"size": 32, "wide": None}, "size: 32, wide: none"),
        ([{"step": [1.0, 2]}, True], "{step: [1.0, 2]}, yes"),
        ([], "[]"),
        ("a b", "a b"),
        (False, "no"),
    ],
)
def test_settings_in_words(value: Any, text: str) -> None:
    assert in_words(value) == text


@pytest.mark.parametrize(
    ("pipeline", "uses"),
    [
        ("digits-objects", {"embedding_figure", "image_sheet", "rdm_heatmap", "map_figure"}),
        ("deep-image-reconstruction", {"stimulus_sheet", "loss_curves"}),
        ("deep-image-reconstruction-fmri", {"stimulus_sheet", "loss_curves", "decoding_guards"}),
    ],
)
def test_the_reports_of_the_studies_show_what_they_are_about(pipeline: str, uses: set[str]) -> None:
    document = yaml.safe_load(resources.files("isocortex_pipelines").joinpath(f"{pipeline}.yaml").read_text())
    shown = {document["steps"][name.partition(".")[0]]["use"] for name in document["report"]}
    assert uses <= shown
    if pipeline == "digits-objects":
        assert shown & {"layer_map_figure", "best_model_figure"}


def test_a_step_of_the_graph_leads_to_its_result(run_folder: Path) -> None:
    page = (run_folder / "report.html").read_text()
    graph = page[page.index('class="graph"') : page.index("</svg>")]
    assert 'href="#block-1" aria-label="picture: to its result"' in graph
    assert 'href="#block-2" aria-label="rdm: to its result"' in graph, "behind the picture"
    assert "local" in graph and "local: to its result" not in graph


def test_many_instances_share_the_room_for_pictures(tmp_path: Path) -> None:
    steps = """
def images() -> ic.Images:
    \"""Eight pictures.\"""
    return ic.Images(np.zeros((8, 4, 4, 3), dtype=np.uint8), [f"n{i}" for i in range(8)])
"""
    axes = ", ".join(f"S{number}" for number in range(48))
    pipeline = f"axes: {{s: [{axes}]}}\nsteps: {{a: {{use: images, over: s}}}}\nreport: [a]\n"
    ic.run(write_tiny(tmp_path, steps, pipeline), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<img") == 240 and page.count("5 of 8 images") == 48


def test_the_numbers_behind_a_picture_are_in_the_page(run_folder: Path) -> None:
    page = (run_folder / "report.html").read_text()
    mark = 'download="picture-table.tsv"'
    link = page[: page.index(mark)].rpartition('href="')[2].rstrip('" ')
    content = base64.b64decode(link.partition("base64,")[2])
    assert content == (run_folder / "picture" / "table.tsv").read_bytes()


def test_pictures_are_few_and_small(run_folder: Path) -> None:
    page = (run_folder / "report.html").read_text()
    assert page.count('alt="n') == 48 and "48 of 60 images" in page
    assert 'alt="n0, cat"' in page and 'alt="n59, dog"' in page, "the first and the last are among them"
    assert len(page) < 300_000


def test_what_has_no_room_is_named_and_linked(
    tmp_path: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (run_folder / "report.html").read_text()
    monkeypatch.setattr(parts.Budget.__init__, "__defaults__", (450,))
    try:
        page = report_again(run_folder).read_text()
        assert "The first 1 of 2 maps are here; the files have them all" in page
        assert "The first 0 of 1 maps are here" in page
        assert 'href="numbers/table.tsv"' in page
        assert len(page) < len(before)
    finally:
        (run_folder / "report.html").write_text(before)


def test_rdms_at_more_voxels_than_there_is_room_for(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (run_folder / "report.html").read_text()
    monkeypatch.setattr(searchlights, "CENTRES", 20)
    try:
        page = report_again(run_folder).read_text()
        start = page.index('id="rdms-at-0">') + len('id="rdms-at-0">')
        payload = json.loads(page[start : page.index("</script>", start)])
        centres = np.frombuffer(base64.b64decode(payload["centres"]), "<u2").reshape(-1, 3)
        assert 0 < len(centres) <= 20
        values = decode(payload).reshape(len(centres), 6)
        for voxel, row in zip(centres, values, strict=True):
            number = ((voxel[0] - 2) * 8 + voxel[1] - 1) * 4 + voxel[2] - 2
            np.testing.assert_allclose(row, number / 2 + np.arange(6) + 2, atol=payload["error"] + 1e-9)
    finally:
        (run_folder / "report.html").write_text(before)


def decode(payload: dict[str, Any]) -> np.ndarray:
    codes = np.frombuffer(base64.b64decode(payload["codes"]), np.uint8)
    return np.asarray(payload["offset"] + codes * payload["step"])


def test_the_page_again_is_the_same(run_folder: Path) -> None:
    before = (run_folder / "report.html").read_text()
    assert report_again(run_folder).read_text() == before


def test_a_run_without_results_has_a_page(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, CHAIN, "steps: {a: {use: make}}\n")
    ic.run(path, tmp_path / "out")
    assert "Nothing failed" in (tmp_path / "out" / "report.html").read_text()
