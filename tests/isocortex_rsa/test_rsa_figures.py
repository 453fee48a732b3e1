"""Pictures: same bytes each time, and the numbers behind them."""

import io

import numpy as np
import pytest
from PIL import Image

from isocortex.data import Collected, RDMs, Table
from isocortex.errors import DataError, LabelMismatch
from isocortex_rsa import comparison_bars, rdm_heatmap
from isocortex_rsa.figures.heatmap import percentiles

CONDITIONS = ("a", "b", "c", "d")


def rdms(names: tuple[str, ...] = ("x",), seed: int = 0, n: int = 4) -> RDMs:
    conditions = CONDITIONS if n == 4 else tuple(f"condition {k}" for k in range(n))
    values = np.random.default_rng(seed).uniform(0, 2, (len(names), n * (n - 1) // 2))
    return RDMs(values, conditions, names, "correlation")


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def table(values: dict[str, list[float]], subjects: list[str]) -> Table:
    rows = [
        {"subject": subject, "rdm": "x", "model": model, "similarity": value, "measure": "spearman"}
        for model, line in values.items()
        for subject, value in zip(subjects, line, strict=True)
    ]
    return Table.from_rows(rows)


def test_heatmap_is_the_same_each_time_and_not_blank() -> None:
    first, second = rdm_heatmap(rdms(("x", "y"))), rdm_heatmap(rdms(("x", "y")))
    assert first.png == second.png and first.caption == second.caption
    assert len(np.unique(picture(first.png).reshape(-1, 3), axis=0)) > 10


def test_heatmap_numbers_are_those_drawn() -> None:
    figure = rdm_heatmap(rdms(), order=["d", "a", "b"])
    assert figure.table is not None
    rows = figure.table.rows()
    assert [(row["first"], row["second"]) for row in rows] == [("d", "a"), ("d", "b"), ("a", "b")]
    assert rows[2]["dissimilarity"] == rdms().values[0, 0]
    assert "d, a, b" in figure.alt
    with pytest.raises(LabelMismatch, match="'e'"):
        rdm_heatmap(rdms(), order=["a", "e"])


def test_ranks() -> None:
    assert percentiles(np.array([3.0, 1.0, 2.0])).tolist() == [100.0, 0.0, 50.0]
    assert percentiles(np.array([1.0, 1.0, 5.0])).tolist() == [25.0, 25.0, 100.0]
    np.testing.assert_array_equal(percentiles(np.array([np.nan, 4.0])), [np.nan, 50.0])
    figure = rdm_heatmap(rdms(), rank=True)
    assert figure.table is not None
    np.testing.assert_array_equal(figure.table["rank"], percentiles(rdms().values[0]))
    assert figure.png == rdm_heatmap(RDMs(np.exp(rdms().values), CONDITIONS, ("x",), "m"), rank=True).png


def test_heatmap_of_subjects_in_other_orders_is_aligned() -> None:
    turned = rdms(("S2",), 1).subset(("c", "a", "d", "b"))
    both = Collected({("S1",): rdms(("S1",)), ("S2",): turned}, ("subject",))
    figure = rdm_heatmap(both, columns=1)
    assert figure.table is not None
    assert list(dict.fromkeys(figure.table["rdm"].tolist())) == ["S1", "S2"]
    np.testing.assert_array_equal(figure.table["dissimilarity"][6:], rdms(("S2",), 1).values[0])
    layers = Collected({("S1",): rdms(("l1", "l2"))}, ("subject",))
    assert "S1: l2" in rdm_heatmap(layers).alt


@pytest.mark.parametrize("scale", ["shared", "own"])
@pytest.mark.parametrize("rank", [True, False])
@pytest.mark.parametrize("n", [4, 45])
def test_heatmap_draws_nan_constants_and_many_conditions(scale: str, rank: bool, n: int) -> None:
    values = rdms(("x", "y", "z"), n=n).values.copy()
    values[0, 1] = np.nan
    values[1] = 0.5
    values[2] = np.nan
    given = RDMs(values, rdms(n=n).conditions, ("x", "y", "z"), "m")
    assert rdm_heatmap(given, rank=rank, scale=scale, columns=2).png


def test_heatmap_refusals() -> None:
    with pytest.raises(DataError, match="columns is 0"):
        rdm_heatmap(rdms(), columns=0)
    with pytest.raises(DataError, match="61 RDMs"):
        rdm_heatmap(rdms(tuple(map(str, range(61)))))


def test_bars_mean_and_standard_error_over_subjects() -> None:
    values = {"m1": [0.1, 0.4, 0.2], "m2": [0.5, 0.6, 0.9]}
    figure = comparison_bars(table(values, ["S1", "S2", "S3"]))
    assert figure.table is not None
    row = figure.table.rows()[0]
    assert row["mean"] == pytest.approx(np.mean(values["m1"]))
    assert row["standard_error"] == pytest.approx(np.std(values["m1"], ddof=1) / np.sqrt(3))
    assert row["n"] == 3 and "3 subjects" in figure.caption and "spearman" in figure.caption
    assert figure.png == comparison_bars(table(values, ["S1", "S2", "S3"])).png
    turned = comparison_bars(table(values, ["S1", "S2", "S3"]), order="similarity").table
    assert turned is not None and turned["model"].tolist() == ["m2", "m1"]


def test_bars_of_one_subject_have_no_error() -> None:
    figure = comparison_bars(table({"m": [0.3]}, ["S1"]))
    assert figure.table is not None
    assert np.isnan(figure.table["standard_error"]).all()
    assert "standard error" not in figure.caption


def test_bars_leave_undefined_comparisons_out_and_say_so() -> None:
    figure = comparison_bars(table({"m": [0.3, np.nan, 0.5], "flat": [np.nan] * 3}, ["S1", "S2", "S3"]))
    assert figure.table is not None
    assert figure.table["n"].tolist() == [2, 0] and figure.table["undefined"].tolist() == [1, 3]
    assert figure.table["mean"][0] == pytest.approx(0.4)
    assert "4 undefined comparisons are left out" in figure.caption


def test_bars_refuse_to_take_regions_for_subjects() -> None:
    parts = {(roi,): table({"m": [0.1, 0.2]}, ["S1", "S2"]) for roi in ("V1", "IT")}
    collected = Collected(parts, ("roi",))
    with pytest.raises(DataError, match="panels"):
        comparison_bars(collected)
    figure = comparison_bars(collected, panels="roi")
    assert figure.table is not None
    assert figure.table["roi"].tolist() == ["V1", "IT"] and figure.table["n"].tolist() == [2, 2]


def test_bars_without_subjects_take_the_rdms() -> None:
    rows = [{"rdm": name, "model": "m", "similarity": value} for name, value in (("a", 0.1), ("b", 0.3))]
    assert "2 RDMs" in comparison_bars(Table.from_rows(rows)).caption


def test_bars_of_nothing() -> None:
    empty = Table(
        {"rdm": np.array([], dtype=str), "model": np.array([], dtype=str), "similarity": np.array([])}
    )
    with pytest.raises(DataError, match="no rows"):
        comparison_bars(empty)
    with pytest.raises(DataError, match="no table"):
        comparison_bars(Collected({}, ("subject",)))


def test_matplotlib_state_is_left_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    rdm_heatmap(rdms())
    comparison_bars(table({"m": [0.1, 0.2]}, ["S1", "S2"]))
    assert dict(mpl.rcParams) == before
