"""Labels that stand as numbers in a column: by a table of names, as whole numbers, or as ImageNet ids."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from isocortex.errors import DamagedFile, DataError

MISSING = "n/a"


def imagenet_label(number: float) -> str:
    """Give the name of an ImageNet image whose id is stored as a number: 1518878.005958 is n01518878_5958.

    The part before the point is the synset, the six decimals are the image (their zeros count, so .0001 is
    image 100). Float32 cannot hold such a number, so the column has to be stored and read as float64.
    """
    synset, _, image = f"{number:f}".partition(".")
    if not 0 < number < 1e8 or int(image) == 0 or abs(float(f"{synset}.{image}") - number) > 1e-8:
        raise DataError(f"{number!r} is not the id of an ImageNet image (like 1518878.005958)")
    return f"n{int(synset):08d}_{int(image)}"


def labels_of(
    values: npt.NDArray[np.float64], names: Mapping[float, str] | None, single: bool, where: str
) -> tuple[str, ...]:
    """Turn a column (samples,) into labels; NaN becomes ``n/a``.

    Parameters
    ----------
    names : the table of names (``vmap``), if there is one: it then has to know every value.
    single : whether the file stores float32, which rounds ids of images to others.
    where : the file and key, for errors.
    """
    known: dict[float, str] = {}
    for value in np.unique(values[~np.isnan(values)]).tolist():
        known[value] = _label(value, names, single, where)
    return tuple(MISSING if np.isnan(value) else known[value] for value in values.tolist())


def _label(value: float, names: Mapping[float, str] | None, single: bool, where: str) -> str:
    if names is not None:
        if value not in names:
            raise DamagedFile(f"{where}: its table of names (vmap) has none for {value!r}")
        return names[value]
    if value.is_integer():
        if single and abs(value) >= 2**16:  # 1518878.005958 is 1518878.0 there
            raise DataError(f"{where}: {value!r} is stored as float32, which may have rounded an id")
        return str(int(value))
    if single:
        raise DataError(f"{where}: {value!r} is stored as float32, which cannot hold the id of an image")
    try:
        return imagenet_label(value)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
