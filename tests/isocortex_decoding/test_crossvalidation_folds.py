"""Folds by labels, exclusive labels, leaks, clusters and the scikit-learn splitter."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.errors import DataError, LabelMismatch
from isocortex_decoding.crossvalidation.clusters import feature_clusters, principal_scores, together
from isocortex_decoding.crossvalidation.folds import Fold, Folds
from isocortex_decoding.crossvalidation.leaks import require_no_repetition, shared_labels
from isocortex_decoding.crossvalidation.splits import given_folds, leave_one_out, random_folds, random_groups
from isocortex_decoding.crossvalidation.splitter import LabelSplit

LABELS = st.lists(st.sampled_from("abc"), min_size=4, max_size=12)


@settings(max_examples=150, deadline=None)
@given(LABELS, st.data())
def test_no_exclusive_label_is_ever_on_both_sides(labels: list[str], data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from("xyzuvw"), min_size=len(labels), max_size=len(labels)))
    if len(set(labels)) < 2:
        return
    try:
        folds = leave_one_out(labels, "run", {"kind": kinds})
    except DataError as error:
        assert "no sample is left for training" in str(error)
        left = [
            [
                k
                for k in range(len(labels))
                if labels[k] != name
                and kinds[k] not in {kinds[j] for j in range(len(labels)) if labels[j] == name}
            ]
            for name in set(labels)
        ]
        assert [] in left
        return
    assert not shared_labels(folds, kinds) and not shared_labels(folds, labels)
    assert sorted(row for _, test in folds for row in test) == list(range(len(labels)))
    for fold in folds.folds:
        tested = {labels[row] for row in fold.test}
        assert tested == {fold.name}
        assert len(fold.train) + len(fold.test) + fold.removed == len(labels)
        # nothing was removed without need
        gone = set(range(len(labels))) - set(fold.train.tolist()) - set(fold.test.tolist())
        assert all(kinds[row] in {kinds[other] for other in fold.test} for row in gone)


def test_leave_one_run_out_is_scikit_learns() -> None:
    from sklearn.model_selection import LeaveOneGroupOut

    runs = np.array([2, 0, 1, 0, 2, 1, 1])
    folds = leave_one_out(runs, "run")
    want = {tuple(test): tuple(train) for train, test in LeaveOneGroupOut().split(runs, groups=runs)}
    assert {tuple(test): tuple(train) for train, test in folds} == want
    assert [fold.name for fold in folds.folds] == ["2", "0", "1"]  # in order of appearance


def test_given_folds() -> None:
    labels = ["a", "b", "c", "a", "d"]
    folds = given_folds(
        labels, [{"test": ["a"], "name": "first"}, {"test": ["b", "c"], "train": ["d"]}], "run"
    )
    assert [fold.name for fold in folds.folds] == ["first", "fold 2"]
    assert [(list(train), list(test)) for train, test in folds] == [([1, 2, 4], [0, 3]), ([4], [1, 2])]
    table = folds.table()
    assert table["test_labels"].tolist() == ["a", "b, c"] and table["train"].tolist() == [3, 1]
    with pytest.raises(LabelMismatch, match="no sample has the label 'e'"):
        given_folds(labels, [{"test": ["e"]}])
    with pytest.raises(LabelMismatch, match="'a' is in training and in test"):
        given_folds(labels, [{"test": ["a", "b"], "train": ["a"]}])
    with pytest.raises(DataError, match="no sample is left for test"):
        given_folds(labels, [{"test": []}])
    with pytest.raises(DataError, match="no sample is left for training; all share kind"):
        given_folds(labels, [{"test": ["a"]}], exclusive={"kind": ["x"] * 5})
    with pytest.raises(DataError, match=r"no sample is left for training$"):
        given_folds(["a", "b"], [{"test": ["a", "b"]}])
    with pytest.raises(DataError, match="there is no fold"):
        given_folds(labels, [])
    with pytest.raises(LabelMismatch, match="occurs more than once"):
        given_folds(labels, [{"test": ["a"], "name": "x"}, {"test": ["b"], "name": "x"}])
    with pytest.raises(DataError, match="2 or more different labels, got 1"):
        leave_one_out(["a", "a"])
    with pytest.raises(DataError, match="got 0"):
        leave_one_out([])
    with pytest.raises(LabelMismatch, match="2 labels for 5 rows"):
        leave_one_out(labels, exclusive={"kind": ["x", "y"]})


def test_repetitions_on_both_sides_are_an_error_that_names_them() -> None:
    runs, stimuli = [1, 1, 2, 2, 3, 3], ["a", "b", "c", "a", "d", "e"]
    folds = leave_one_out(runs, "run")
    assert shared_labels(folds, stimuli) == {"1": ("a",), "2": ("a",)}
    with pytest.raises(DataError, match=r"2 of 3 folds .*'a' in fold '1'"):
        require_no_repetition(folds, stimuli)
    sound = leave_one_out(runs, "run", {"stimulus": stimuli})
    require_no_repetition(sound, stimuli)
    assert [fold.removed for fold in sound.folds] == [1, 1, 0]


def test_folds_are_saved_and_checked(tmp_path: Path) -> None:
    folds = Folds(("a", "b", "a"), (Fold("x", np.array([1]), np.array([0, 2]), 0),), "run", ("p", "q", "r"))
    folds.save(tmp_path)
    again = Folds.load(tmp_path)
    assert again.labels == folds.labels and again.by == "run" and again.samples == ("p", "q", "r")
    assert [(t.tolist(), s.tolist()) for t, s in again] == [([1], [0, 2])]
    assert "1 folds of 3 samples by run" in repr(again)
    again.require_samples(("p", "q", "r"))
    with pytest.raises(LabelMismatch, match="sample 2 was 'q' and is 'r'"):
        again.require_samples(("p", "r", "q"))
    with pytest.raises(LabelMismatch, match="of 3 samples, not of 2"):
        again.require_samples(("p", "q"))
    for train, test, message in [
        ([1], [1, 2], "1 samples are in training and in test"),
        ([0, 3], [1], "different numbers of 0 to 2"),
        ([0, 0], [1], "different numbers"),
        ([], [1], "no sample is left for training"),
    ]:
        with pytest.raises(DataError, match=message):
            Folds(("a", "b", "a"), (Fold("x", np.array(train, int), np.array(test, int)),))


def test_splitter_in_scikit_learn() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

    rng = np.random.default_rng(0)
    x, runs = rng.normal(size=(30, 4)), np.repeat(np.arange(5), 6)
    y = x @ rng.normal(size=4) + rng.normal(size=30)
    want = cross_val_score(Ridge(), x, y, groups=runs, cv=LeaveOneGroupOut())
    np.testing.assert_array_equal(cross_val_score(Ridge(), x, y, groups=runs, cv=LabelSplit()), want)
    split = LabelSplit([{"test": ["0"]}], {"kind": np.arange(30) % 7})
    assert split.get_n_splits() == 1 and len(cross_val_score(Ridge(), x, y, groups=runs, cv=split)) == 1
    with pytest.raises(DataError, match="as groups"):
        LabelSplit().split(x)
    with pytest.raises(DataError, match="29 groups for 30"):
        LabelSplit().split(x, groups=runs[1:])


def test_principal_scores_are_scikit_learns() -> None:
    from sklearn.decomposition import PCA

    x = np.random.default_rng(1).normal(size=(12, 40)).astype(np.float32)
    x[:, 3], x[2, 5] = 1.0, np.nan
    good = np.delete(x.astype(float), [3, 5], axis=1)
    z = (good - good.mean(0)) / good.std(0, ddof=1)
    want = PCA(5).fit_transform(z)
    np.testing.assert_allclose(np.abs(principal_scores(x, 5, block=50)), np.abs(want), atol=1e-8)
    both = together(x[:5], x[5:].reshape(7, 4, 10))
    np.testing.assert_allclose(principal_scores(both, 5), principal_scores(x, 5), atol=1e-9)
    assert principal_scores(x[:1]).shape == (1, 0)


def test_clusters_are_found_and_seeded() -> None:
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 3, 40)
    x = rng.normal(size=(3, 200))[kinds] * 2 + rng.normal(size=(40, 200))
    found = feature_clusters(x, 3, np.random.default_rng(0))
    assert len(set(zip(found.tolist(), kinds.tolist(), strict=True))) == 3 and found[0] == 0
    np.testing.assert_array_equal(found, feature_clusters(x, 3, np.random.default_rng(0)))
    for n in (0, 41):
        with pytest.raises(DataError, match="make 1 to 40 clusters"):
            feature_clusters(x, n, rng)
    with pytest.raises(DataError, match="only 2 samples differ"):
        feature_clusters(np.repeat(x[:2], 3, axis=0), 3, rng)


def test_several_kinds_of_exclusive_labels_all_count() -> None:
    labels = ["a", "b", "c", "d"]
    kinds = {"category": ["x", "x", "y", "z"], "cluster": ["1", "2", "1", "3"]}
    for order in (kinds, dict(reversed(kinds.items()))):
        first = leave_one_out(labels, "stimulus", order).folds[0]
        assert first.test.tolist() == [0] and first.train.tolist() == [3] and first.removed == 2


def test_random_folds_hold_labels_together_and_kinds_evenly() -> None:
    stimuli = [f"s{k}" for k in range(23) for _ in range(2)]
    kinds = ["a" if k < 11 else "b" for k in range(23) for _ in range(2)]
    made = random_folds(stimuli, 5, np.random.default_rng(0), kinds, "stimulus")
    sizes = np.array(
        [[sum(kinds[row] == kind for row in fold.test) // 2 for kind in "ab"] for fold in made.folds]
    )
    assert sizes.sum() == 23 and set(sizes.sum(axis=1)) == {4, 5}
    assert set(sizes[:, 0]) == {2, 3} and set(sizes[:, 1]) <= {2, 3}
    for fold in made.folds:
        assert len(fold.train) + len(fold.test) == 46
        assert not {stimuli[row] for row in fold.train} & {stimuli[row] for row in fold.test}
    again = random_folds(stimuli, 5, np.random.default_rng(0), kinds, "stimulus")
    other = random_folds(stimuli, 5, np.random.default_rng(1), kinds, "stimulus")
    assert [f.test.tolist() for f in again.folds] == [f.test.tolist() for f in made.folds]
    assert [f.test.tolist() for f in other.folds] != [f.test.tolist() for f in made.folds]
    for n in (1, 24):
        with pytest.raises(DataError, match="give 2 to 23"):
            random_folds(stimuli, n, np.random.default_rng(0), kinds, "stimulus")


def test_kinds_of_one_item_each_fall_into_groups_at_random() -> None:
    rng = np.random.default_rng(3)
    found = np.array([random_groups(range(12), 3, rng) for _ in range(600)])
    assert all(np.bincount(row).tolist() == [4, 4, 4] for row in found)
    together = (found[:, :, None] == found[:, None]).mean(axis=0)[np.triu_indices(12, 1)]
    assert abs(together - 3 / 11).max() < 0.08  # any two items: 4 standard errors of 600 draws
