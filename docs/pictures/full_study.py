"""Put the README's picture together from a run of full-study: python docs/pictures/full_study.py OUT."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

WIDTH, LEGEND = 1140, 0.62
"""Pixels, and the share of a map's height that lies above its legend."""


def scaled(path: Path, share: float = 1.0) -> Image.Image:
    """A picture in the common width, its upper share."""
    picture = Image.open(path).convert("RGB")
    picture = picture.crop((0, 0, picture.width, round(picture.height * share)))
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)


def main(out: Path) -> None:
    """Planted, found, and read back, one above the other."""
    parts = [
        scaled(out / "planted_picture" / "figure.png", LEGEND),
        scaled(out / "found_picture" / "figure.png"),
        scaled(out / "sheet" / "figure.png"),
    ]
    whole = Image.new("RGB", (WIDTH, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    whole.save(Path(__file__).with_name("full-study.jpg"), quality=85)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
