"""Figures: the picture, what it shows in words, and the numbers behind it."""

from __future__ import annotations

import struct

from isocortex.data.figure import Figure
from isocortex.report.encoding import base64_text, encoded_size
from isocortex.report.parts import Block, Context, loaded
from isocortex.report.tables import data_file, view_of


def show_figures(block: Block, context: Context) -> None:
    """Put pictures on the page, inside it as long as there is room."""
    block.shape, block.content = "figures", []
    for item, figure in loaded(block, Figure):
        if context.budget.take(encoded_size(len(figure.png))):
            source = "data:image/png;base64," + base64_text(figure.png)
        else:
            source = ""
            block.notes.append("There was no room for a picture; the link opens its file.")
        file = data_file(item.folder, block.title, item.label, context) if figure.table else None
        block.content.append(
            {
                "label": item.label,
                "caption": figure.caption,
                "alt": figure.alt or figure.caption,
                "source": source,
                "tall": _tall(figure.png),
                "link": context.link(item.folder / "figure.png"),
                "table": view_of(figure.table, [file]) if figure.table and file else None,
            }
        )


def _tall(png: bytes) -> bool:
    """Whether a picture is much higher than wide: such a one fills the width, not the window's height."""
    width, height = struct.unpack(">II", png[16:24]) if len(png) >= 24 else (1, 1)
    return bool(height > 1.3 * width)
