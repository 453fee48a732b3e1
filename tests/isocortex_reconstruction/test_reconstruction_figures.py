"""Contact sheets pixel by pixel, loss curves, and features by layer: what is drawn and what is said."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from reconstruction_images import Pooled, noisy, stimuli, study

from isocortex import testing
from isocortex.data import Collected, Figure, Images, Table
from isocortex.errors import DataError, LabelMismatch
from isocortex_reconstruction.evaluation.steps import (
    evaluate_reconstruction_features,
    evaluate_reconstructions,
)
from isocortex_reconstruction.figures.canvas import Canvas, cell_of, short
from isocortex_reconstruction.figures.features import reconstruction_feature_figure
from isocortex_reconstruction.figures.identification import reconstruction_identification_figure
from isocortex_reconstruction.figures.losses import curves_of, loss_curves
from isocortex_reconstruction.figures.sheet import reconstruction_sheet


def pixels(figure: Figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB"))


def places_of(page: np.ndarray, picture: np.ndarray) -> list[tuple[int, int]]:
    """Where a picture lies on a page, all its pixels equal."""
    height, width = picture.shape[:2]
    corner = (page[: 1 - height or None, : 1 - width or None] == picture[0, 0]).all(axis=2)
    return [
        (int(y), int(x))
        for y, x in np.argwhere(corner)
        if np.array_equal(page[y : y + height, x : x + width], picture)
    ]


def test_the_steps_keep_the_contract() -> None:
    for step in (
        reconstruction_sheet, loss_curves, reconstruction_feature_figure, reconstruction_identification_figure
    ):  # fmt: skip
        testing.check_step(step)


def test_every_pixel_of_the_page_is_drawn_as_one() -> None:
    for height, width in ((37, 1371), (1, 1), (150, 299)):
        canvas = Canvas(height, width)
        canvas.put(np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8), 0, 0)
        drawn = pixels(canvas.figure("", Table({"a": [1]}), ""))
        np.testing.assert_array_equal(drawn, canvas.pixels)


def test_all_pictures_stand_in_the_order_of_the_stimuli_beneath_their_own() -> None:
    """Reconstructions come in another order, and lie below their stimuli all the same."""
    originals = stimuli(7)
    made = Collected({(f"S{k}",): noisy(originals, 20, k, np.uint8) for k in range(2)}, ("subject",))
    figure = reconstruction_sheet(originals, made, columns=3, side=28)
    page = pixels(figure)
    found = []
    for label in originals.stimuli:
        column = [originals.select([label]), *(item.select([label]) for item in made.values())]
        spots = [places_of(page, cell_of(images.values[0], 28)) for images in column]
        assert [len(spot) for spot in spots] == [1, 1, 1]
        (top, left), *below = [spot[0] for spot in spots]
        assert [x for _, x in below] == [left, left] and top < below[0][0] < below[1][0]
        found.append((top, left))
    assert found == sorted(found) and len({y for y, _ in found}) == 3  # three blocks, row by row
    assert (
        figure.caption.startswith("All 7 stimuli") and "14 of 14 reconstructions are shown." in figure.caption
    )
    assert figure.alt.endswith(
        "Rows: stimulus; S0; S1. Stimuli in order: " + ", ".join(originals.stimuli) + "."
    )
    assert figure.table is not None and figure.table["shown"].all() and len(figure.table) == 14
    again = reconstruction_sheet(originals, made, columns=3, side=28)
    assert again.png == figure.png


def test_pixels_are_shown_as_they_are() -> None:
    """No contrast is stretched; levels beyond 0 to 255 are cut off and counted."""
    originals = stimuli(2)
    dim = np.full((2, 16, 14, 3), 100.4, np.float32)
    dim[1, :8] = 300.0
    figure = reconstruction_sheet(originals, Images(dim, originals.stimuli), side=14)
    page = pixels(figure)
    grey, cut = np.full((16, 14, 3), 100, np.uint8), np.full((16, 14, 3), 100, np.uint8)
    cut[:8] = 255
    assert len(places_of(page, grey)) == 1 and len(places_of(page, cut)) == 1
    assert "In 1 of them levels beyond 0 to 255 are cut off (25.0 % of all levels)." in figure.caption
    assert figure.table is not None and figure.table["cut_off"].tolist() == [0.0, 0.5]


def test_large_pictures_are_averaged_and_that_is_said() -> None:
    checks = np.indices((20, 20)).sum(axis=0) % 2 * 200
    originals = Images(np.repeat(checks[None, :, :, None], 3, axis=3).astype(np.uint8), ("a",))
    figure = reconstruction_sheet(originals, originals, side=10)
    assert len(places_of(pixels(figure), np.full((10, 10, 3), 100, np.uint8))) == 2
    assert "Pictures of 20 x 20 pixels are shown 10 wide." in figure.caption
    small = cell_of(originals.values[0, :4, :3], 10)
    assert small.shape == (12, 9, 3) and np.array_equal(small[::3, ::3], originals.values[0, :4, :3])


def test_what_is_missing_is_an_error_or_counted() -> None:
    originals = stimuli(4)
    made = noisy(originals, 20)
    few = made.select([label for label in made.stimuli if label != "image2"])
    items = Collected({("S1", "V1"): made, ("S2", "V1"): few}, ("subject", "roi"))
    with pytest.raises(LabelMismatch, match=r"S2, V1.*only the first has 'image2'"):
        reconstruction_sheet(originals, items)
    figure = reconstruction_sheet(originals, items, missing="empty", caption="Ours.")
    assert figure.caption.startswith("Ours. 7 of 8 reconstructions are shown; 1 are missing (empty places).")
    assert figure.table is not None
    gone = [row for row in figure.table.rows() if not row["shown"]]
    assert [(row["subject"], row["stimulus"]) for row in gone] == [("S2", "image2")]
    with pytest.raises(LabelMismatch, match="no 'image2'"):
        reconstruction_sheet(originals.select(["image0", "image1", "image3"]), made, missing="empty")


def test_sheets_that_cannot_be_made() -> None:
    originals = stimuli(3)
    made = noisy(originals, 20)
    values = made.values.copy()
    values[1, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match=f"the picture {made.stimuli[1]!r} holds pixels that are NaN"):
        reconstruction_sheet(originals, replace(made, values=values))
    with pytest.raises(DataError, match="0 columns"):
        reconstruction_sheet(originals, made, columns=0)
    with pytest.raises(DataError, match="make the pictures smaller"):
        reconstruction_sheet(originals, made, side=20000)
    with pytest.raises(DataError, match="missing='skip'"):
        reconstruction_sheet(originals, made, missing="skip")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no stimuli"):
        reconstruction_sheet(originals.select([]), made)
    assert short("n01518878_8432", 9) == "n015…8432" and short("abc", 3) == "abc"


def losses(images: int = 3, iterations: int = 5, **extra: float) -> Table:
    """Loss 6 / (1 + t) + k of image k, of which one layer has two thirds."""
    rows = [
        {
            "stimulus": f"image{k}",
            "iteration": t,
            "loss": v + sum(extra.values()),
            "a": 2 * v / 3,
            "b": v / 3,
            **extra,
        }
        for k in range(images)
        for t in range(iterations)
        for v in [6 / (1 + t) + k]
    ]
    return Table.from_rows(rows)


def test_loss_curves_hold_medians_and_shares() -> None:
    figure = loss_curves(losses())
    assert figure.table is not None
    whole = [row for row in figure.table.rows() if row["layer"] == "all"]
    assert [row["median"] for row in whole] == pytest.approx([6 / (1 + t) + 1 for t in range(5)])
    assert [row["lowest"] for row in whole] == pytest.approx([6 / (1 + t) for t in range(5)])
    assert [row["highest"] for row in whole] == pytest.approx([6 / (1 + t) + 2 for t in range(5)])
    shares = {row["layer"]: row["last_share"] for row in figure.table.rows()}
    assert shares["a"] == pytest.approx(2 / 3) and shares["b"] == pytest.approx(1 / 3)
    assert "of 3 images" in figure.caption and "a 67 %, b 33 %" in figure.caption
    assert "median 7 to 2.2" in figure.alt and loss_curves(losses()).png == figure.png


def test_rows_are_put_together_by_image_and_iteration_in_any_order() -> None:
    table = losses()
    order = np.random.default_rng(0).permutation(len(table))
    mixed = Table({name: values[order] for name, values in table.columns.items()})
    one, two = curves_of(table), curves_of(mixed)
    rows = [two.stimuli.index(label) for label in one.stimuli]
    np.testing.assert_array_equal(one.total, two.total[rows])
    np.testing.assert_array_equal(one.layers["b"], two.layers["b"][rows])


def test_an_image_that_stopped_keeps_its_last_loss() -> None:
    table = losses(2, 4)
    keep = ~((table["stimulus"] == "image1") & (table["iteration"] > 1))
    early = Table({name: values[keep] for name, values in table.columns.items()})
    curves = curves_of(early)
    np.testing.assert_allclose(curves.total[1], [7, 4, 4, 4])
    assert curves.stopped == 1 and "1 that stopped before the last iteration" in loss_curves(early).caption
    begun = (table["stimulus"] == "image0") | (table["iteration"] > 1)
    late = Table({name: values[begun] for name, values in table.columns.items()})
    assert np.isnan(curves_of(late).total[1, :2]).all()


def test_negative_losses_and_priors_are_drawn_too() -> None:
    """The inner product makes losses negative: no logarithm, no shares. A prior counts as a layer does."""
    table = losses()
    negative = Table({**table.columns, "loss": -table["loss"], "a": -table["a"], "b": -table["b"]})
    figure = loss_curves(negative)
    assert "shares" not in figure.caption and figure.table is not None
    assert np.isnan(figure.table["last_share"]).all()
    assert "total_variation" in loss_curves(losses(total_variation=9.0)).caption
    bare = Table({name: table[name] for name in ("stimulus", "iteration", "loss")})
    assert loss_curves(bare).table is not None
    one = loss_curves(losses(1, 1))
    assert "of 1 image:" in one.caption
    broken = np.where(table["iteration"] == 4, np.nan, table["loss"])
    assert "3 have a loss that is not finite" in loss_curves(Table({**table.columns, "loss": broken})).caption


def test_several_sets_of_losses_are_rows_of_panels() -> None:
    items = Collected({("S1", "V1"): losses(), ("S2", "V1"): losses(2)}, ("subject", "roi"))
    figure = loss_curves(items)
    assert figure.table is not None and set(figure.table["set"]) == {"S1, V1", "S2, V1"}
    assert "of 2 to 3 images, 2 sets" in figure.caption
    tall = pixels(figure).shape[0] / pixels(loss_curves(losses())).shape[0]
    assert 1.8 < tall < 2.1


def test_losses_that_are_none() -> None:
    table = losses()
    with pytest.raises(DataError, match="no column 'iteration'"):
        loss_curves(Table({"stimulus": ["a"], "loss": [1.0]}))
    with pytest.raises(DataError, match="no rows"):
        loss_curves(Table({name: values[:0] for name, values in table.columns.items()}))
    with pytest.raises(DataError, match="two rows for one iteration"):
        loss_curves(Table({name: np.concatenate([v, v[:1]]) for name, v in table.columns.items()}))
    with pytest.raises(DataError, match="'a' does not hold numbers"):
        loss_curves(Table({**table.columns, "a": ["x"] * len(table)}))
    with pytest.raises(DataError, match="0 sets"):
        loss_curves(Collected({}, ("subject",)))


def test_features_by_layer_stand_beside_chance_and_category() -> None:
    originals = stimuli()
    found = evaluate_reconstruction_features(
        study(originals, {"V1": 50.0, "VC": 150.0}), originals, Pooled(), np.random.default_rng(0), "*",
        permutations=20, bootstraps=50,
    )  # fmt: skip
    figure = reconstruction_feature_figure(found.summary, found.scores)
    assert "8 stimuli, mean of 3 subjects" in figure.caption and "Ties count half." in figure.caption
    assert "the category alone" in figure.caption and "decoded" not in figure.alt
    assert figure.table is found.summary and "VC fc2" in figure.alt
    for value in ("profile_correlation", "pattern_correlation"):
        other = reconstruction_feature_figure(found.summary, found.scores, value)  # type: ignore[arg-type]
        assert other.png != figure.png and "chance" not in other.caption
    with pytest.raises(DataError, match="wire the outputs"):
        reconstruction_feature_figure(losses())
    with pytest.raises(DataError, match="no value 'rmse'"):
        reconstruction_feature_figure(found.summary, value="rmse")  # type: ignore[arg-type]


def test_identification_from_pixels_by_roi_and_measure() -> None:
    originals = stimuli()
    made = study(originals, {"V1": 300.0, "VC": 900.0})
    rng = np.random.default_rng(0)
    found = evaluate_reconstructions(made, originals, rng, permutations=20, bootstraps=50)
    figure = reconstruction_identification_figure(found.summary, found.scores)
    assert "8 stimuli" in figure.caption and "mean of 3 subjects" in figure.caption
    assert figure.table is not None and len(figure.table) == 4
    for row in figure.table.rows():
        panel = "by pixel correlation" if "corr" in row["measure"] else "by Euclidean distance"
        assert f"{panel} {row['roi']} {row['value']:.3f}" in figure.alt
    alone = evaluate_reconstructions(made["S1,V1"], originals, rng, permutations=0, bootstraps=0)
    plain = reconstruction_identification_figure(alone.summary)
    assert "one set of reconstructions" in plain.caption and "by pixel correlation all" in plain.alt
    with pytest.raises(DataError, match="wire the outputs"):
        reconstruction_identification_figure(losses())
    with pytest.raises(DataError, match="no rows of identification"):
        reconstruction_identification_figure(Table({"measure": ["rmse"], "value": [1.0]}))
