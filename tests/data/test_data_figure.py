from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isocortex.data import Figure, Table
from isocortex.errors import DataError


def drawn(**other: Any) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure

    figure = MatplotlibFigure(figsize=(1, 1))
    FigureCanvasAgg(figure)
    figure.add_subplot().plot([1, 3, 2])
    return Figure.from_matplotlib(figure, "A caption, with ünicode\nand two lines", **other)


@pytest.mark.parametrize("table", [None, Table({"x": [1, 2], "y": [0.5, np.nan]})])
def test_figures_are_saved_exactly(round_trip: Callable[[Any], Any], table: Table | None) -> None:
    figure = drawn(table=table, dpi=30)
    assert round_trip(Figure(figure.png, figure.caption, table, "what it shows")).summary() == figure.caption


def test_a_figure_is_drawn_the_same_each_time() -> None:
    assert drawn(dpi=30).png == drawn(dpi=30).png
    assert drawn(dpi=30).png != drawn(dpi=31).png
    assert b"Software" not in drawn(dpi=30).png


def test_a_damaged_picture_is_one_clear_error(tmp_path: Path) -> None:
    figure = drawn(dpi=30)
    with pytest.raises(DataError, match="not a PNG"):
        Figure(b"GIF89a" + figure.png, "caption")
    with pytest.raises(DataError, match="without its end"):
        Figure(figure.png[:-1], "caption")
    figure.save(tmp_path)
    (tmp_path / "figure.png").unlink()
    with pytest.raises(DataError, match=r"figure\.png: there is no such file"):
        Figure.load(tmp_path)
    (tmp_path / "figure.json").write_text('{"caption": "x"}')
    with pytest.raises(DataError, match=r"figure\.json: does not describe"):
        Figure.load(tmp_path)
