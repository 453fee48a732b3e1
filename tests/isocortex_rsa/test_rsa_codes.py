"""Category codes: the pair counts of Lee et al. 2023, and what is refused."""

import numpy as np
import pytest

from isocortex.data import Collected, Patterns, RDMs
from isocortex.errors import DataError, LabelMismatch
from isocortex_rsa import Code, category_codes, code_rdm
from isocortex_studies import CODES, CONDITIONS

COUNTS = {"digit": 45, "object": 15, "digit_object": 60, "magnitude": 9, "animacy": 9}


def zeros(conditions: tuple[str, ...], name: str = "x") -> RDMs:
    return RDMs(np.zeros((1, len(conditions) * (len(conditions) - 1) // 2)), conditions, (name,), "m")


def test_pair_counts_of_the_study() -> None:
    codes = category_codes(zeros(CONDITIONS), **CODES)
    assert codes.names == tuple(COUNTS) and codes.conditions == CONDITIONS
    assert set(np.unique(codes.values)) == {0.0, 1.0}
    assert dict(zip(codes.names, codes.values.sum(axis=1), strict=True)) == COUNTS


def test_equals_the_matrices_of_the_study() -> None:
    square = dict(zip(CODES, category_codes(zeros(CONDITIONS), **CODES).square(), strict=True))
    digit = np.zeros((16, 16))
    digit[:10, :10] = 1
    np.fill_diagonal(digit, 0)
    magnitude = np.zeros((16, 16))
    magnitude[7:10, 1:4] = magnitude[1:4, 7:10] = 1
    np.testing.assert_array_equal(square["digit"], digit)
    np.testing.assert_array_equal(square["magnitude"], magnitude)


def test_labels_decide_not_positions() -> None:
    order = tuple(reversed(CONDITIONS))
    codes = category_codes(zeros(order), **CODES)
    assert codes.conditions == order
    np.testing.assert_array_equal(
        codes.align_to(CONDITIONS).values, category_codes(zeros(CONDITIONS), **CODES).values
    )


def test_within_and_between_together_and_three_groups() -> None:
    assert code_rdm("abcd", within=["a", "b"], between=[["a"], ["c", "d"]]).tolist() == [1, 1, 1, 0, 0, 0]
    assert code_rdm("abcd", between=[["a"], ["b"], ["c"]]).tolist() == [1, 1, 0, 1, 0, 0]


def test_conditions_come_from_patterns_or_collected_data() -> None:
    patterns = Patterns(np.zeros((4, 2)), ("b", "a", "b", "c"))
    assert category_codes(patterns, x={"within": ["a", "b"]}).conditions == ("b", "a", "c")
    same = Collected({("S1",): zeros(("a", "b", "c")), ("S2",): zeros(("c", "b", "a"))}, ("subject",))
    assert category_codes(same, x={"within": ["a", "b"]}).conditions == ("a", "b", "c")
    other = Collected({("S1",): zeros(("a", "b", "c")), ("S2",): zeros(("a", "b", "d"))}, ("subject",))
    with pytest.raises(LabelMismatch, match=r"'c'.*'d'"):
        category_codes(other, x={"within": ["a", "b"]})
    with pytest.raises(DataError, match="nothing"):
        category_codes(Collected({}, ("subject",)), x={"within": ["a", "b"]})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ({"within": ["zeroo", "one"]}, "no condition 'zeroo'; did you mean 'zero'"),
        ({"between": [["one"], ["birt"]]}, "did you mean 'bird'"),
        ({"within": ["one"]}, "sets no pair"),
        ({"within": list(CONDITIONS)}, "sets all pairs"),
        ({"within": ["one", "two", "one"]}, "'one' is named more than once"),
        ({"between": [["one", "two"]]}, "a single list"),
        ({"between": [["one", "two"], ["two", "bed"]]}, "two in more than one list"),
        ({"within": "one"}, "expected a list"),
        ({}, "within: or between:"),
        ({"witin": ["one", "two"]}, "did you mean 'within'"),
    ],
)
def test_what_makes_no_code(code: Code, message: str) -> None:
    with pytest.raises(DataError, match=message):
        category_codes(zeros(CONDITIONS), thing=code)


def test_no_code_at_all() -> None:
    with pytest.raises(DataError, match="at least one code"):
        category_codes(zeros(CONDITIONS))


def test_settings_are_checked_by_type() -> None:
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(Code)
    assert adapter.validate_python({"within": ["a", "b"]}) == {"within": ["a", "b"]}
    for wrong in ({"witin": ["a"]}, {"within": "a"}, {"between": ["a", "b"]}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
