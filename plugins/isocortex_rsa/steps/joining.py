"""Model RDMs of several steps as one set."""

from __future__ import annotations

from isocortex.data import RDMs


def join_rdms(first: RDMs, second: RDMs, third: RDMs | None = None) -> RDMs:
    """Put sets of model RDMs together, so that they are compared (and corrected for) as one family.

    The others are brought into the condition order of the first; a condition that one lacks, and a name that
    two have, are errors.

    Parameters
    ----------
    first, second, third : sets of RDMs of the same conditions.
    """
    return RDMs.stack([first, second] + ([] if third is None else [third]))
