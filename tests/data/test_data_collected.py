from __future__ import annotations

import pytest

from isocortex.data import Collected
from isocortex.errors import DataError


def test_items_are_found_by_axis_values_in_their_order() -> None:
    items = Collected({("S2", "V1"): 1, ("S1", "V1"): 2, ("S1", "FFA"): 3}, ("subject", "roi"))
    assert list(items) == ["S2,V1", "S1,V1", "S1,FFA"]
    assert list(items.values()) == [1, 2, 3]
    assert items["S1,FFA"] == 3
    assert len(items) == 3
    assert items.values_of("S1,FFA") == {"subject": "S1", "roi": "FFA"}
    assert "subject x roi" in repr(items)
    with pytest.raises(KeyError):
        items["S3,V1"]


def test_the_mapping_that_was_given_can_change_without_harm() -> None:
    source = {("S1",): 1}
    items = Collected(source, ("subject",))
    source["S2",] = 2
    assert dict(items) == {"S1": 1}


def test_axis_values_that_could_be_taken_for_one_another_are_refused() -> None:
    with pytest.raises(DataError, match="cannot be told apart"):
        Collected({("a,b", "c"): 1, ("a", "b,c"): 2}, ("x", "y"))
