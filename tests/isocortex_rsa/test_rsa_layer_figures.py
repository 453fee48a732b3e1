"""Curves over layers: the numbers, the order, the ceiling, what is refused, and colours for everyone."""

import io

import numpy as np
import pytest
from PIL import Image

from isocortex.data import Table
from isocortex.errors import DataError
from isocortex_rsa.figures.curves import COLOURS, layer_curves

LAYERS = ("conv1", "conv2", "conv10", "fc6")
SUBJECTS = ("S1", "S2", "S3")
ROIS = ("V1", "IT")


def rows(nets: tuple[str, ...] = ("trained",)) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    return [
        {"subject": s, "roi": roi, "net": net, "rdm": s, "model": m, "similarity": v, "measure": "spearman"}
        for roi in ROIS
        for net in nets
        for s in SUBJECTS
        for m, v in zip(LAYERS, rng.uniform(0, 0.4, len(LAYERS)), strict=True)
    ]


def ceilings(lower: float = 0.3) -> Table:
    ends = {"lower": lower, "upper": 0.5, "measure": "spearman", "unit": "r"}
    return Table.from_rows([{"roi": roi, "subject": s, **ends} for roi in ROIS for s in SUBJECTS])


def has_colour(png: bytes, colour: tuple[int, int, int]) -> bool:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    return bool((pixels == colour).all(axis=1).sum() > 60)


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:], 16)


def test_the_numbers_are_means_and_errors_over_subjects_in_network_order() -> None:
    table = Table.from_rows(rows())
    figure = layer_curves(table, ceilings(), panels="roi")
    numbers = figure.table
    assert numbers is not None
    assert numbers["model"].tolist() == [*LAYERS, *LAYERS] and numbers["layer"].tolist() == [1, 2, 3, 4] * 2
    for row in numbers.rows():
        own = (table["roi"] == row["roi"]) & (table["model"] == row["model"])
        values = table["similarity"][own]
        assert len(values) == row["n"] == 3
        assert row["mean"] == pytest.approx(values.mean())
        assert row["standard_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(3))
        assert (row["lower"], row["upper"]) == (0.3, 0.5)
    assert has_colour(figure.png, (221, 221, 221)) and has_colour(figure.png, rgb(COLOURS[0]))
    assert f"V1: conv1 {numbers['mean'][0]:.3f}" in figure.alt and "noise ceiling" in figure.caption
    assert figure.png == layer_curves(table, ceilings(), panels="roi").png


def test_subjects_are_aligned_by_name_not_by_row() -> None:
    table = Table.from_rows(rows())
    order = np.random.default_rng(1).permutation(len(table))
    mixed = Table({name: values[order] for name, values in table.columns.items()})
    one = layer_curves(table, panels="roi", layers=list(LAYERS)).table
    other = layer_curves(mixed, panels="roi", layers=list(LAYERS)).table
    assert one is not None and other is not None
    first = {(r["roi"], r["model"]): (r["mean"], r["standard_error"]) for r in one.rows()}
    second = {(r["roi"], r["model"]): (r["mean"], r["standard_error"]) for r in other.rows()}
    assert first.keys() == second.keys()
    for key, values in first.items():
        assert second[key] == pytest.approx(values)


def test_lines_of_model_sets_have_colours_of_their_own() -> None:
    table = Table.from_rows(rows(("trained", "untrained")))
    figure = layer_curves(table, panels="roi", lines="net", layers=["fc6", "conv1"])
    assert figure.table is not None
    assert (
        figure.table["net"].tolist()
        == ["trained"] * 2 + ["untrained"] * 2 + ["trained"] * 2 + ["untrained"] * 2
    )
    assert figure.table["model"].tolist() == ["fc6", "conv1"] * 4
    assert has_colour(figure.png, rgb(COLOURS[0])) and has_colour(figure.png, rgb(COLOURS[1]))


def test_undefined_comparisons_and_a_single_subject() -> None:
    few = rows()
    few[0]["similarity"] = float("nan")
    figure = layer_curves(Table.from_rows(few), ceilings(-0.1), panels="roi")
    assert figure.table is not None and figure.table["undefined"].tolist() == [1, *[0] * 7]
    assert figure.table["n"][0] == 2 and np.isfinite(figure.table["mean"]).all()
    assert "1 undefined" in figure.caption and "No reliable variance in V1, IT" in figure.caption
    alone = [row for row in rows() if row["subject"] == "S1" and row["roi"] == "V1"]
    single = layer_curves(Table.from_rows(alone), caption="Mine.")
    assert single.caption == "Mine." and single.table is not None
    assert np.isnan(single.table["standard_error"]).all() and single.alt.startswith("Mine. Means: conv1")


def test_what_is_refused() -> None:
    table = Table.from_rows(rows(("trained", "untrained")))
    with pytest.raises(DataError, match=r"more than one row for subject 'S1'.*net"):
        layer_curves(table, panels="roi")
    with pytest.raises(DataError, match=r"no column 'rois'.*roi"):
        layer_curves(table, panels="rois", lines="net")
    with pytest.raises(DataError, match="no model 'conv3' of V1"):
        layer_curves(table, panels="roi", lines="net", layers=["conv3"])
    with pytest.raises(DataError, match="do not belong to comparisons"):
        other = Table({**ceilings().columns, "measure": np.array(["cosine"] * 6)})
        layer_curves(Table.from_rows(rows()), other, panels="roi")
    fewer = [row for row in rows(("a", "b")) if not (row["net"] == "a" and row["model"] == "conv2")]
    with pytest.raises(DataError, match="different models"):
        layer_curves(Table.from_rows(fewer), panels="roi", lines="net")
