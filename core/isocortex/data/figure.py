"""A picture of a result, with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from isocortex.data.base import Data
from isocortex.data.table import Table
from isocortex.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

_PNG = b"\x89PNG\r\n\x1a\n"
_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, eq=False, repr=False)
class Figure(Data):
    """A PNG, its caption, and a table of what it shows.

    ``alt`` describes the picture for those who cannot see it; the caption serves where it is empty.
    """

    kind: ClassVar[str] = "figure"

    png: bytes = field(repr=False)
    caption: str
    table: Table | None = None
    alt: str = ""

    def __post_init__(self) -> None:
        if not self.png.startswith(_PNG):
            raise DataError("figure: the picture is not a PNG")
        if not self.png.endswith(_END):
            raise DataError("figure: the picture is a PNG without its end")

    @classmethod
    def from_matplotlib(
        cls, figure: MatplotlibFigure, caption: str, table: Table | None = None, dpi: int = 120
    ) -> Self:
        """Draw a matplotlib figure into a PNG that is the same byte for byte each time."""
        import io

        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None}, facecolor="white")
        return cls(buffer.getvalue(), caption, table)

    def save(self, folder: Path) -> None:
        """Write ``figure.png``, ``figure.json`` and, with numbers, ``table.tsv`` and ``table.json``."""
        from isocortex.formats import arrays

        arrays.write_bytes(folder / "figure.png", self.png)
        info = {"caption": self.caption, "alt": self.alt, "table": self.table is not None}
        arrays.write_json(folder / "figure.json", info)
        if self.table is not None:
            self.table.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays

        with arrays.described(folder / "figure.json") as info:
            table = Table.load(folder) if info["table"] else None
            return cls(arrays.read_bytes(folder / "figure.png"), info["caption"], table, info["alt"])

    def summary(self) -> str:
        """Say in one line what is in here."""
        return self.caption
