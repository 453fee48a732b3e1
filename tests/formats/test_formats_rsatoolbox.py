from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rsatoolbox.rdm import RDMs as ToolboxRDMs
from scipy.spatial.distance import squareform

from isocortex.data import RDMs
from isocortex.errors import DataError, LabelMismatch

LABELS = st.lists(st.text("abcé", min_size=1, max_size=3), min_size=2, max_size=5, unique=True)


def toolbox(**descriptors: Any) -> Any:
    values = np.array([[1.0, 2, 3], [4, 5, 6]])
    return ToolboxRDMs(values, dissimilarity_measure="euclidean", **descriptors)


@given(LABELS, LABELS, st.data())
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_there_and_back_again(conditions: list[str], names: list[str], data: st.DataObject) -> None:
    shape = (len(names), len(conditions) * (len(conditions) - 1) // 2)
    values = data.draw(hnp.arrays(np.float64, shape, elements={"allow_infinity": False}))
    ours = RDMs(values, tuple(conditions), tuple(names), "correlation")
    theirs = ours.to_rsatoolbox()
    assert theirs.pattern_descriptors["conds"] == conditions
    assert theirs.rdm_descriptors["name"] == names
    assert np.array_equal(theirs.get_matrices(), ours.square(), equal_nan=True)
    again = RDMs.from_rsatoolbox(theirs)
    assert again.values.tobytes() == ours.values.tobytes()
    assert (again.conditions, again.names, again.metric) == (ours.conditions, ours.names, ours.metric)


def test_single_precision_becomes_double_and_nothing_is_shared() -> None:
    ours = RDMs(np.array([[0.1, 0.2, 0.3]], dtype=np.float32), tuple("abc"), ("x",), "m")
    theirs = ours.to_rsatoolbox()
    assert theirs.dissimilarities.dtype == np.float64
    theirs.dissimilarities[0, 0] = 9
    assert ours.values[0, 0] == np.float32(0.1)
    back = RDMs.from_rsatoolbox(theirs)
    theirs.dissimilarities[0, 0] = 8
    assert back.values[0, 0] == 9


def test_subsetting_there_and_here_agree() -> None:
    values = np.random.default_rng(0).random((2, 10))
    ours = RDMs(values, tuple("edcba"), ("x", "y"), "m")
    chosen = ours.to_rsatoolbox().subset_pattern("conds", ["a", "c", "e"])
    back = RDMs.from_rsatoolbox(chosen)
    assert np.array_equal(ours.subset(back.conditions).values, back.values)
    assert np.array_equal(squareform(back.values[0]), back.square()[0])


def test_the_descriptors_to_use_can_be_named() -> None:
    theirs = toolbox(
        pattern_descriptors={"conds": ["x", "y", "z"], "stimulus": np.array([7, 8, 9])},
        rdm_descriptors={"subj": ["s1", "s2"]},
    )
    ours = RDMs.from_rsatoolbox(theirs, conditions="stimulus", names="subj")
    assert (ours.conditions, ours.names, ours.metric) == (("7", "8", "9"), ("s1", "s2"), "euclidean")
    assert ours.values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_rdms_without_names_are_numbered() -> None:
    ours = RDMs.from_rsatoolbox(toolbox(pattern_descriptors={"conds": ["x", "y", "z"]}))
    assert ours.names == ("0", "1")
    unnamed = ToolboxRDMs(np.ones((1, 3)), pattern_descriptors={"conds": ["x", "y", "z"]})
    assert RDMs.from_rsatoolbox(unnamed).metric == "unknown"


def test_condition_labels_are_never_made_up() -> None:
    with pytest.raises(DataError, match=r"no pattern descriptor 'conds' .*known descriptors: index"):
        RDMs.from_rsatoolbox(toolbox())
    with pytest.raises(DataError, match=r"no pattern descriptor 'stim' .*did you mean 'stims'"):
        RDMs.from_rsatoolbox(toolbox(pattern_descriptors={"stims": ["x", "y", "z"]}), conditions="stim")


def test_a_misspelt_descriptor_of_the_names_is_no_reason_to_number_them() -> None:
    theirs = toolbox(pattern_descriptors={"conds": ["x", "y", "z"]}, rdm_descriptors={"subj": ["a", "b"]})
    with pytest.raises(DataError, match=r"no RDM descriptor 'subject' .*did you mean 'subj'"):
        RDMs.from_rsatoolbox(theirs, names="subject")


@pytest.mark.parametrize("labels", [["x", "x", "z"], [0.5, 1.5, 2.5]])
def test_labels_that_are_none_are_refused(labels: Any) -> None:
    with pytest.raises(LabelMismatch, match="conditions"):
        RDMs.from_rsatoolbox(toolbox(pattern_descriptors={"conds": labels}))
