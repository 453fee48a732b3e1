"""False-positive rates of decoding on data without any relation, and coverage of its bootstrap intervals.

Run: python tests/benchmarks/decoding_false_positives.py [data sets]     (400 by default: about 15 minutes)

Units and voxels are correlated, subjects share what has nothing to do with the features, stimuli repeat and
belong to categories. Each test should find something in 5 % (and 1 %) of the null data sets, give or take the
binomial error; where the statistic takes few values (accuracies), or the procedure controls the false
discovery rate, it may less often. Those that fail, or promise nothing, are here to show why they are not what
the steps do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from isocortex.data import Collected, Decoded, Features, Patterns, Space, StatMaps
from isocortex_decoding.crossvalidation.classification import classify, rows_permuted_within
from isocortex_decoding.crossvalidation.folds import Folds
from isocortex_decoding.crossvalidation.splits import given_folds, leave_one_out
from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge
from isocortex_decoding.evaluation.resampling import permutation_p
from isocortex_decoding.steps.classify import classify_categories
from isocortex_decoding.steps.cross_validate import cross_validated_decoding
from isocortex_decoding.steps.decode import decode_features
from isocortex_decoding.steps.evaluate import evaluate_decoding

Floats = npt.NDArray[np.float64]
Found = dict[str, list[float]]
Rng = np.random.Generator

ALPHAS = (0.05, 0.01)
HOLD = {"exact": "as often", "at most": "no more often", "fails": "shown to fail", "none": "no promise"}
EXPECTED = {
    "identification, one subject": "exact",
    "identification, subjects together": "exact",
    "profile correlation, one subject": "exact",
    "profile correlation, subjects together": "exact",
    "pattern correlation, one subject": "exact",
    "pattern correlation, subjects together": "exact",
    "identification, any layer, FDR": "at most",
    "unequal trials: identification": "exact",
    "unequal trials: identification, together": "exact",
    "unequal trials: profile correlation": "exact",
    "learnt decoder: identification": "exact",
    "learnt decoder: identification, together": "exact",
    "learnt decoder: profile, together": "exact",
    "learnt decoder: pattern, together": "exact",
    "cross-validated decoder: identification": "at most",
    "both by category: p_categories": "exact",
    "both by category: p_categories, together": "exact",
    "both by category: stimuli permuted": "fails",
    "classes by run, one ROI": "at most",
    "classes by run, any ROI, FDR": "at most",
    "classes of held-out stimuli": "at most",
    "classes of held-out stimuli, even folds": "at most",
    "classes in stratified folds": "at most",
    "even folds: classes permuted": "fails",
    "held-out stimuli: samples permuted singly": "none",
}
"""What each p promises when there is nothing to find."""


class Size(NamedTuple):
    """How large the null data sets are."""

    subjects: int
    categories: int
    exemplars: int
    units: int
    permutations: int
    classifier: Any


class Centroids:
    """The nearest mean, less likely for a rare class: light, and as partial to frequent classes as LDA is."""

    def fit(self, X: Floats, y: npt.NDArray[np.intp]) -> Centroids:
        """Learn the means."""
        counts = np.bincount(y)
        self.known = np.flatnonzero(counts)
        members = (y == self.known[:, None]).astype(np.float64)
        self.means = members @ X / counts[self.known, None]
        self.offset = np.log(counts[self.known]) - 0.5 * np.square(self.means).sum(axis=1)
        return self

    def predict(self, X: Floats) -> npt.NDArray[np.intp]:
        """Give the likeliest class."""
        return np.asarray(self.known[(X @ self.means.T + self.offset).argmax(axis=1)])


FULL = Size(3, 6, 4, 40, 99, Centroids())
SHORT = Size(3, 6, 4, 20, 19, Centroids())


def correlated(rng: Rng, samples: int, columns: int) -> Floats:
    """Samples of correlated columns, which do not all have mean 0."""
    common = rng.normal(size=(samples, 4)) @ rng.normal(size=(4, columns))
    return np.asarray(common + 0.5 * rng.normal(size=(samples, columns)) + rng.normal(size=columns))


def true_features(size: Size, rng: Rng) -> Features:
    """Two layers of features of stimuli that cluster by category."""
    n = size.categories * size.exemplars
    kinds = np.arange(n) % size.categories
    layers = {
        name: correlated(rng, n, size.units) + 3 * correlated(rng, size.categories, size.units)[kinds]
        for name in ("conv", "fc")
    }
    names = [f"s{number:02d}" for number in range(n)]
    return Features(layers, names, [f"k{kind}" for kind in kinds])


def decoded_noise(size: Size, rng: Rng, true: Features, by_category: bool, trials: bool) -> Collected:
    """What subjects' decoders might give that know nothing: partly the same in all subjects."""
    n = true.n_samples
    kinds = np.arange(n) % size.categories
    shared = {name: correlated(rng, n, size.units) for name in true.layers}
    if by_category:
        for values in shared.values():
            values += 3 * correlated(rng, size.categories, size.units)[kinds]
    items = {}
    for subject in range(size.subjects):
        own = np.repeat(np.arange(n), rng.integers(1, 7, n)) if trials else np.arange(n)
        layers = {
            name: (values + correlated(rng, n, size.units))[own] + rng.normal(size=(len(own), size.units))
            for name, values in shared.items()
        }
        names = [true.stimuli[row] for row in own]
        if trials:
            names = [f"sample{place:06d}-{name}" for place, name in enumerate(names, start=1)]
        items[(f"S{subject}",)] = Decoded(layers, names, subject=f"S{subject}")
    return Collected(items, ("subject",))


def evaluated(size: Size, rng: Rng) -> dict[str, float]:
    """P of decoded features that have nothing to do with the true ones."""
    true, training = true_features(size, rng), true_features(size, rng)
    settings: dict[str, Any] = {"permutations": size.permutations, "bootstraps": 0}
    plain = evaluate_decoding(decoded_noise(size, rng, true, False, False), true, rng, training, **settings)
    trials = evaluate_decoding(
        decoded_noise(size, rng, true, False, True), true, rng, trials="single", layers=["fc"], **settings
    )
    both = evaluate_decoding(
        decoded_noise(size, rng, true, True, False), true, rng, layers=["fc"], **settings
    )
    found = {}
    for value, column in (("identification", "p"), ("profile correlation", "p_profile"),
                          ("pattern correlation", "p_pattern")):  # fmt: skip
        found[f"{value}, one subject"] = plain.scores[column][0]
        found[f"{value}, subjects together"] = plain.summary[column][0]
    return {
        **found,
        "identification, any layer, FDR": np.min(plain.scores["p_fdr"]),
        "unequal trials: identification": trials.scores["p"][0],
        "unequal trials: identification, together": trials.summary["p"][0],
        "unequal trials: profile correlation": trials.scores["p_profile"][0],
        "both by category: p_categories": both.scores["p_categories"][0],
        "both by category: p_categories, together": both.summary["p_categories"][0],
        "both by category: stimuli permuted": both.scores["p"][0],
    }


def learnt(size: Size, rng: Rng) -> dict[str, float]:
    """P of features that decoders give which have learnt from brains that know nothing of them."""
    known, true = true_features(size, rng), true_features(size, rng)
    names = [f"train-{name}" for name in known.stimuli]
    known = Features({"fc": known.layers["fc"]}, names, known.categories)
    true = Features({"fc": true.layers["fc"]}, true.stimuli, true.categories)
    decoder: Any = VoxelSelectedRidge(10.0, 12)
    items = {}
    for subject in range(size.subjects):
        brain = correlated(rng, 2 * len(names), 30)
        training = Patterns(brain[: len(names)], names, stimuli=names)
        test = Patterns(brain[len(names) :], true.stimuli, stimuli=true.stimuli)
        items[(f"S{subject}",)] = decode_features(training, test, known, decoder)
    settings: dict[str, Any] = {"permutations": size.permutations, "bootstraps": 0}
    found = evaluate_decoding(Collected(items, ("subject",)), true, rng, known, **settings)
    runs = [f"r{number % 4}" for number in range(len(names))]
    brain = correlated(rng, len(names), 30)
    parts = leave_one_out(runs, "run")
    again = cross_validated_decoding(
        Patterns(brain, names, runs, names), known, Folds(parts.labels, parts.folds, "run"), decoder
    )
    crossed = evaluate_decoding(again.decoded, known, rng, **settings)
    return {
        "learnt decoder: identification": found.scores["p"][0],
        "learnt decoder: identification, together": found.summary["p"][0],
        "learnt decoder: profile, together": found.summary["p_profile"][0],
        "learnt decoder: pattern, together": found.summary["p_pattern"][0],
        "cross-validated decoder: identification": crossed.scores["p"][0],
    }


def classified(size: Size, rng: Rng) -> dict[str, float]:
    """P of classes that have nothing to do with the voxels."""
    return {**_by_run(size, rng), **_by_stimulus(size, rng), **_stratified(size, rng)}


def _by_run(size: Size, rng: Rng) -> dict[str, float]:
    """Four conditions in each of 4 runs, and 3 ROIs whose voxels are correlated."""
    inside = Space(np.ones((30, 1, 1), dtype=bool), np.eye(4))
    rois = StatMaps(np.repeat(np.eye(3), 10, axis=1), ("V1", "V2", "V3"), inside, "label")
    runs = np.repeat(np.arange(4), 8)
    values = correlated(rng, 32, 30) + rng.normal(size=(4, 30))[runs]
    names = [f"c{k % 4}" for k in range(32)]
    patterns = Patterns(values, names, [f"r{run}" for run in runs], space=inside)
    found = classify_categories(patterns, rng, rois, size.classifier, permutations=size.permutations)
    return {
        "classes by run, one ROI": found.scores["p"][0],
        "classes by run, any ROI, FDR": np.min(found.scores["p_fdr"]),
    }


def _by_stimulus(size: Size, rng: Rng) -> dict[str, float]:
    """Twelve stimuli of 4 classes, each in both runs, with patterns of their own."""
    stimulus, runs = np.tile(np.arange(12), 2), np.repeat(np.arange(2), 12)
    values = rng.normal(size=(12, 20))[stimulus] + 0.5 * correlated(rng, 24, 20)
    names = [f"s{number:02d}" for number in stimulus]
    patterns = Patterns(values, [f"c{k % 4}" for k in stimulus], [f"r{run}" for run in runs], names)
    n, model = size.permutations, size.classifier
    folds: Any = [{"test": [f"s{4 * fold + k:02d}" for k in range(4)]} for fold in range(3)]
    settings: dict[str, Any] = {"classifier": model, "by": "stimulus", "permutations": n}
    alone = classify_categories(patterns, rng, **settings)
    even = classify_categories(patterns, rng, folds=folds, **settings)
    classes, made = stimulus % 4, given_folds(names, folds)
    observed = classify(values, classes, made, model).accuracy
    moved = [rng.permutation(12)[stimulus] % 4 for _ in range(n)]
    relabelled = np.array([classify(values, order, made, model).accuracy for order in moved])
    singly = classify(values, classes, made, model, orders=rows_permuted_within(runs, n, rng))
    return {
        "classes of held-out stimuli": alone.scores["p"][0],
        "classes of held-out stimuli, even folds": even.scores["p"][0],
        "even folds: classes permuted": permutation_p(observed, relabelled),
        "held-out stimuli: samples permuted singly": permutation_p(singly.accuracy, singly.null),
    }


def _stratified(size: Size, rng: Rng) -> dict[str, float]:
    values = correlated(rng, 24, 20)
    patterns = Patterns(values, [f"c{k % 3}" for k in range(24)])
    found = classify_categories(
        patterns, rng, None, size.classifier, "stratified", n_folds=4, permutations=size.permutations
    )
    return {"classes in stratified folds": found.scores["p"][0]}


Part = Callable[[Size, Rng], dict[str, float]]
PARTS: tuple[Part, ...] = (evaluated, learnt, classified)


def simulate(
    n: int,
    size: Size,
    seed: int,
    each: Callable[[int], Any] = lambda done: None,
    parts: tuple[Part, ...] = PARTS,
) -> Found:
    """All p of ``n`` null data sets, by procedure."""
    found: Found = {}
    for done, rng in enumerate(np.random.default_rng(seed).spawn(n), start=1):
        for part in parts:
            for name, p in part(size, rng).items():
                found.setdefault(name, []).append(float(p))
        each(done)
    return found


def holds(name: str, p: list[float], errors: float, alpha: float = ALPHAS[0]) -> bool:
    """Whether a procedure keeps its promise, within so many binomial standard errors."""
    rate, error = float(np.mean(np.array(p) <= alpha)), float(np.sqrt(alpha * (1 - alpha) / len(p)))
    if EXPECTED[name] == "none":
        return True
    if EXPECTED[name] == "fails":
        return rate > alpha + errors * error
    return rate <= alpha + errors * error and (EXPECTED[name] == "at most" or rate >= alpha - errors * error)


COVERED = {
    "images, near chance": (1, 40, 0.0),
    "images, .8": (1, 40, 0.2),
    "images, .97": (1, 40, 0.6),
    "images and 3 subjects, .8": (3, 40, 0.2),
    "images and 5 subjects, .8": (5, 40, 0.2),
    "images and 10 subjects, .8": (10, 40, 0.2),
}
"""What is resampled and the accuracy -> subjects, images, and how strong the signal is."""


class World:
    """Subjects and images to draw from; ``truth`` is the accuracy over all of them."""

    def __init__(self, signal: float, several: bool, units: int = 40) -> None:
        rng = np.random.default_rng(1)
        self.signal, self.spread, self.units = signal, 0.4 if several else 0.0, units
        self.mixing = rng.normal(size=(5, units))
        draws = [self.scores(np.random.default_rng((2, k)), 1, 400) for k in range(60 if several else 20)]
        self.truth = float(np.mean(draws))

    def draw(self, rng: Rng, subjects: int, images: int) -> tuple[list[Floats], Floats]:
        """Decoded features of each subject, and the true ones."""
        true = rng.normal(size=(images, 5)) @ self.mixing + 0.5 * rng.normal(size=(images, self.units))
        decoded = []
        for _ in range(subjects):
            strength = self.signal * np.exp(self.spread * rng.normal())
            common = rng.normal(size=(images, 5)) @ rng.normal(size=(5, self.units))
            decoded.append(strength * true + common + rng.normal(size=true.shape))
        return decoded, true

    def scores(self, rng: Rng, subjects: int, images: int) -> float:
        """Mean identification."""
        decoded, true = self.draw(rng, subjects, images)
        r = np.corrcoef(decoded[0], true)[:images, images:]
        return float((np.diag(r)[:, None] > r).sum() / (images * (images - 1)))


def coverage(n: int, seed: int, bootstraps: int = 400) -> dict[str, tuple[float, float]]:
    """For each of ``COVERED`` the true accuracy, and how often a 95 % interval holds it."""
    found = {}
    for name, (subjects, images, signal) in COVERED.items():
        world, hits = World(signal, subjects > 1), 0
        labels = [f"s{number:02d}" for number in range(images)]
        for rng in np.random.default_rng(seed).spawn(n):
            decoded, true = world.draw(rng, subjects, images)
            items = {(f"S{k}",): Decoded({"x": own}, labels) for k, own in enumerate(decoded)}
            features = Features({"x": true}, labels)
            done = evaluate_decoding(
                Collected(items, ("subject",)), features, rng, permutations=0, bootstraps=bootstraps
            )
            [row] = done.summary.rows()
            hits += row["low"] <= world.truth <= row["high"]
        found[name] = world.truth, hits / n
    return found


def main(n: int) -> int:
    """Print the rates; 1 when a procedure does not keep its promise within 3 standard errors."""
    start = time.perf_counter()

    def report(done: int) -> None:
        if done % 50 == 0:
            print(f"  {done} of {n} data sets, {time.perf_counter() - start:.0f} s", file=sys.stderr)

    found = simulate(n, FULL, 0, report)
    print(f"{n} null data sets; {time.perf_counter() - start:.0f} s")
    for alpha in ALPHAS:
        error = 3 * float(np.sqrt(alpha * (1 - alpha) / n))
        low, high = 100 * max(alpha - error, 0), 100 * (alpha + error)
        print(f"nominal {100 * alpha:g} %, within 3 standard errors: {low:.1f} to {high:.1f} %")
    for name, values in found.items():
        p = np.array(values)
        low, high = stats.binomtest(int(np.sum(p <= ALPHAS[0])), n).proportion_ci()
        told = "" if all(holds(name, values, 3, alpha) for alpha in ALPHAS) else "   NOT AS PROMISED"
        print(
            f"{name:42s} {100 * np.mean(p <= ALPHAS[0]):5.1f} % (95 %: {100 * low:4.1f} to "
            f"{100 * high:4.1f}) "
            f"{100 * np.mean(p <= ALPHAS[1]):5.1f} %   {HOLD[EXPECTED[name]]}{told}"
        )
    print("coverage of 95 % bootstrap intervals of identification (summary)")
    for name, (truth, share) in coverage(n, 3).items():
        print(f"{name:42s} {100 * share:5.1f} %   (true {truth:.3f})")
    return 0 if all(holds(k, p, 3, alpha) for k, p in found.items() for alpha in ALPHAS) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
