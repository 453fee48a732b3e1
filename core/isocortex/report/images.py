"""Images as contact sheets: small pictures with their labels, as many as there is room for."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.data.images import Images
from isocortex.formats.png import to_bytes
from isocortex.report.encoding import base64_text
from isocortex.report.parts import Block, Context, loaded

SHOWN = 48
"""Pictures of one instance at most."""
FEWEST = 4
IN_BLOCK = 240
"""Pictures of all instances at most: with many of them each has fewer, ``FEWEST`` while there is room."""
SIDE = 128
"""Longest side in pixels; a larger picture is made smaller."""


def show_images(block: Block, context: Context) -> None:
    """Put a contact sheet of each instance on the page."""
    block.shape, block.content = "images", []
    left = IN_BLOCK
    share = min(SHOWN, max(FEWEST, IN_BLOCK // len(block.items)))
    for item, images in loaded(block, Images):
        rows = _spread(len(images), min(share, left))
        pictures: list[dict[str, Any]] = []
        for row in rows:
            content = base64_text(small_png(images.values[row]))
            if not context.budget.take(len(content)):
                break
            category = images.categories[row] if images.categories else ""
            pictures.append({"label": images.stimuli[row], "category": category, "png": content})
        left -= len(pictures)
        about = {"label": item.label, "pictures": pictures, "all": len(images)}
        block.content.append({**about, "link": context.link(item.folder)})


def _spread(count: int, limit: int) -> list[int]:
    """Rows to show: all, or a selection spread evenly (images are often sorted by category)."""
    if count <= limit:
        return list(range(count))
    return [int(row) for row in np.linspace(0, count - 1, limit).round()] if limit > 0 else []


def small_png(image: Array) -> bytes:
    """Draw one image (height, width, 3) as a PNG of at most ``SIDE`` pixels a side."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(to_bytes(image)))
    if max(picture.size) > SIDE:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
