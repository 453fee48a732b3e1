"""Pictures of maps: what they show, the same bytes each time, and what cannot be drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from isocortex.data import Figure, Space, StatMaps, Table
from isocortex.errors import DataError, GridMismatch
from isocortex_rsa.figures.maps import best_model_figure, map_figure
from isocortex_rsa.inference.best_model import best_model_map

SHAPE = (12, 14, 10)
AFFINE = np.array([[8.0, 0, 0, -44], [0, 8, 0, -60], [0, 0, 8, -30], [0, 0, 0, 1]])
SPACE = Space(np.ones(SHAPE, dtype=bool), AFFINE)


def maps(n: int = 2, space: Space = SPACE) -> StatMaps:
    values = np.full((n, *SHAPE), np.nan)
    values[0, 3:6, 4:8, 2:6] = np.linspace(1, 4, 48).reshape(3, 4, 4)
    return StatMaps(values.reshape(n, -1), tuple(f"conv{k}" for k in range(1, n + 1)), space, "t")


def colours(figure: Figure) -> set[tuple[int, ...]]:
    pixels = np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB")).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return {tuple(colour) for colour in found[counts > 150].tolist()}


@pytest.mark.parametrize("view", ["slices", "axial", "glass"])
def test_picture_and_numbers(view: str) -> None:
    figure = map_figure(maps(), view=view)  # type: ignore[arg-type]
    assert figure.png == map_figure(maps(), view=view).png  # type: ignore[arg-type]
    assert figure.table is not None
    shown, empty = figure.table.rows()
    assert shown["voxels"] == 48 and shown["peak"] == 4.0
    assert (shown["x_mm"], shown["y_mm"], shown["z_mm"]) == (-4.0, -4.0, 10.0)
    assert empty["voxels"] == 0 and np.isnan(empty["peak"]) and np.isnan(empty["x_mm"])
    assert "conv1: 48 voxels" in figure.alt and figure.caption.startswith("Maps of t")


def test_p_values_decide_what_is_drawn() -> None:
    values = maps()
    p = StatMaps((np.nan_to_num(values.values) < 2).astype(float)[::-1], ("conv2", "conv1"), SPACE, "p_fwe")
    figure = map_figure(values, p)
    assert figure.table is not None and figure.table["voxels"].tolist() == [np.sum(values.values >= 2), 0]
    assert "p_fwe is at most 0.05" in figure.caption
    other = StatMaps(p.values, p.names, Space(np.ones(SHAPE, bool), np.eye(4)), "p")
    with pytest.raises(GridMismatch):
        map_figure(values, other)
    with pytest.raises(DataError, match="limit"):
        map_figure(values, limit=0.0)


def test_negative_values_have_their_own_colours() -> None:
    both = maps(1)
    values = np.array(both.values)
    values[0, -200:] = -3.0
    positive, signed = map_figure(both, view="axial"), map_figure(
        StatMaps(values, both.names, SPACE, "t"), view="axial", limit=5.0
    )  # fmt: skip
    assert not any(blue > red + 60 for red, _, blue in colours(positive))
    assert any(blue > red + 60 for red, _, blue in colours(signed))


def test_nothing_to_show_is_said() -> None:
    empty = StatMaps(np.full((1, SPACE.n_voxels), np.nan), ("conv1",), SPACE, "t")
    for view in ("slices", "axial", "glass"):
        figure = map_figure(empty, view=view)  # type: ignore[arg-type]
        assert figure.table is not None and figure.table["voxels"].tolist() == [0]


@pytest.mark.parametrize("turned", [False, True])
def test_each_model_keeps_its_colour(turned: bool) -> None:
    """Also where the grid is oblique: numbers of models must not be interpolated."""
    angle = 0.3 if turned else 0.0
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = AFFINE.copy()
    affine[:3, :3] = turn @ AFFINE[:3, :3]
    values = np.zeros((5, *SHAPE))
    values[0, :6] = 2.0
    values[4, 6:] = 2.0
    best = best_model_map(
        StatMaps(values.reshape(5, -1), tuple("abcde"), Space(np.ones(SHAPE, bool), affine), "t")
    )
    for view in ("axial", "slices"):
        figure = best_model_figure(best.number, best.models, view)  # type: ignore[arg-type]
        from matplotlib import colormaps

        want = [tuple(round(255 * c) for c in colormaps["RdYlBu_r"](k)[:3]) for k in (0.0, 1.0)]
        between = [tuple(round(255 * c) for c in colormaps["RdYlBu_r"](k)[:3]) for k in (0.25, 0.5)]
        found = colours(figure)
        assert all(min(np.abs(np.subtract(w, f)).max() for f in found) <= 1 for w in want)
        pixels = np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB"))
        brain = pixels[: int(len(pixels) * 0.7)].reshape(-1, 3).astype(int)
        assert not any((np.abs(brain - colour).max(axis=1) <= 1).any() for colour in between)
        assert figure.png == best_model_figure(best.number, best.models, view).png  # type: ignore[arg-type]
    assert "a 840" in figure.alt and figure.table is not None and len(figure.table) == 5


def test_best_model_figure_takes_what_best_model_map_gives() -> None:
    with pytest.raises(DataError, match="as best_model_map returns them"):
        best_model_figure(maps(1), Table({"number": [1], "model": ["a"], "voxels": [1]}))
    best = best_model_map(maps(2))
    with pytest.raises(DataError, match="names only 0"):
        best_model_figure(best.number, Table({"model": np.empty(0, "U1"), "voxels": np.empty(0, int)}))
    none = best_model_map(StatMaps(np.full((2, SPACE.n_voxels), np.nan), ("a", "b"), SPACE, "t"))
    assert best_model_figure(none.number, none.models).alt.endswith("a 0; b 0.")


def test_the_template_behind_maps_in_mni_space() -> None:
    grey = colours(map_figure(maps(1), background="mni152"))
    assert map_figure(maps(1)).png != map_figure(maps(1), background="mni152").png
    assert grey


def test_slices_of_another_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is drawn in the slices of what was planted."""
    from nilearn import plotting

    cuts, real = [], plotting.plot_img
    monkeypatch.setattr(plotting, "plot_img", lambda *a, **k: cuts.append(k["cut_coords"]) or real(*a, **k))
    values = np.full((2, *SHAPE), np.nan)
    values[0, :, :, :4], values[1, 5, 5, 8] = 1.0, 1.0
    both = StatMaps(values.reshape(2, -1), ("low", "high"), SPACE, "t")
    low, high = (
        best_model_map(StatMaps(both.values[[k]], [name], SPACE, "t")) for k, name in enumerate(both.names)
    )
    best_model_figure(low.number, low.models)
    best_model_figure(high.number, high.models, slices_of=low.number)
    best_model_figure(high.number, high.models)
    assert cuts[1] == cuts[0] != cuts[2]
    with pytest.raises(GridMismatch):
        other = StatMaps(low.number.values, ("number",), Space(SPACE.mask, np.eye(4)), "model number")
        best_model_figure(high.number, high.models, slices_of=other)
    with pytest.raises(DataError, match="2 maps"):
        best_model_figure(high.number, high.models, slices_of=both)
