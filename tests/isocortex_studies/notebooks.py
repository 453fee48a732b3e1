"""Study A's public notebooks (03 to 06-2), written out with numpy, scipy, scikit-learn and TensorFlow alone.

Arrays in, arrays out; nothing of isocortex is used, so that its results can be held against these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

CLASSES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "bed", "bird", "cat", "dog", "house", "tree",
]  # fmt: skip
LAYERS = [
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1", "relu4_2",
    "relu4_3", "relu5_1", "relu5_2", "relu5_3", "relu6", "fc8",
]  # fmt: skip
CODES = ("digit", "object", "digit_object", "magnitude", "animacy")
LOWER, UPPER = np.tril_indices(16, -1), np.triu_indices(16, 1)


def searchlights(beta: Any) -> tuple[Any, Any]:
    """Notebook 03: centres (n, 3) and RDMs (n, 16, 16)."""
    offsets = np.array([o for o in np.ndindex(7, 7, 7) if np.linalg.norm(np.array(o) - 3) <= 3]) - 3
    assert len(offsets) == 123
    centres, rdms = [], []
    for centre in np.argwhere((beta != 0).all(axis=3)):
        if (centre < 3).any() or (centre + 4 > beta.shape[:3]).any():
            continue
        members = beta[tuple((centre + offsets).T)]
        members = members[members.sum(axis=1) != 0]
        centres.append(centre)
        rdms.append(1 - np.corrcoef(members, rowvar=False))
    return np.array(centres), np.array(rdms)


def activities(layers: dict[str, tuple[Any, Any]], pictures: Any) -> Iterator[Any]:
    """Notebooks 01 and 04: the 14 rectified layers and fc8 before its bias, (images, units) each."""
    import tensorflow as tf

    x = tf.constant((pictures.astype(np.float32) - np.float32([123.68, 116.779, 103.939]))[..., ::-1])
    for name, (kernel, bias) in layers.items():
        if name == "fc8":
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
        else:
            if (name.endswith("_1") and name != "conv1_1") or name == "fc6":
                x = tf.nn.max_pool2d(x, 2, 2, "SAME")
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID" if name == "fc6" else "SAME") + bias)
        yield np.asarray(x).reshape(len(pictures), -1)


def layer_rdm(activity: Any, codes: Any) -> Any:
    """Notebook 04: StandardScaler, PCA(0.90), means of classes, 1 - Pearson.

    The study's scikit-learn has the component's largest score positive; since 1.5 it is the largest weight.
    """
    scaled = StandardScaler().fit_transform(np.asarray(activity, np.float64))
    with threadpool_limits(1):  # LAPACK's many small products wait for one another on a busy machine
        scores = PCA(n_components=0.90, svd_solver="full").fit_transform(scaled)
    return scores_rdm(scores, codes)


def large_layer_rdm(parts: Iterator[Any], codes: Any) -> Any:
    """The same of a layer too large for memory, from parts of its units: PCA by the images' products."""
    products = np.zeros((len(codes), len(codes)))
    for part in parts:
        scaled = StandardScaler().fit_transform(np.asarray(part, np.float64))
        products += scaled @ scaled.T
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1], vectors[:, ::-1]
    explained = np.cumsum(values / values.sum())
    count = int(np.searchsorted(explained, 0.90, side="right")) + 1
    return scores_rdm(vectors[:, :count] * np.sqrt(values[:count]), codes)


def scores_rdm(scores: Any, codes: Any) -> Any:
    """RDM (16, 16) of components' scores (images, components)."""
    largest = np.abs(scores).argmax(axis=0)
    scores = scores * np.sign(scores[largest, np.arange(scores.shape[1])])
    return 1 - np.corrcoef([scores[codes == code].mean(axis=0) for code in range(16)])


def reordered(rdm: Any) -> Any:
    """Notebook 05: Bed to the end, in the block of objects only."""
    found = rdm.copy()
    order = np.array([1, 2, 3, 4, 5, 0]) + 10
    found[10:, 10:] = rdm[np.ix_(order, order)]
    return found


def code_matrices() -> dict[str, Any]:
    """Notebook 05: the five codes, of reordered objects."""
    codes = {name: np.zeros((16, 16)) for name in CODES}
    codes["digit"][0:10, 0:10] = codes["object"][10:16, 10:16] = 1
    codes["digit_object"][0:10, 10:16] = codes["digit_object"][10:16, 0:10] = 1
    codes["magnitude"][7:10, 1:4] = codes["animacy"][13:16, 10:13] = 1
    return codes


def block(name: str, rdm: Any) -> Any:
    """Notebook 06-2: the part of an RDM (reordered) that a code's region is looked at in."""
    objects = rdm[10:, 10:]
    parts = {
        "digit": lambda: rdm[:10, :10][np.triu_indices(10, 1)],
        "object": lambda: objects[np.triu_indices(6, 1)],
        "digit_object": lambda: rdm[:10, 10:].ravel(),
        "magnitude": lambda: rdm[7:10, 1:4].ravel(),
        "animacy": lambda: objects[3:6, 0:3].ravel(),
    }
    return parts[name]()


def rho(first: Any, second: Any) -> Any:
    """Spearman's rho of all rows with all rows, as scipy defines it: exactly 0 where it is 0."""
    one, two = (rankdata(rows, axis=1) - (np.shape(rows)[1] + 1) / 2 for rows in (first, second))
    return one @ two.T / np.sqrt(np.outer((one**2).sum(axis=1), (two**2).sum(axis=1)))


def significant(values: Any) -> Any:
    """Where the p of Spearman's rho of 120 pairs is at most .05: beyond the critical rho."""
    from scipy.stats import t

    limit = t.isf(0.025, 118)
    return np.abs(values) >= limit / np.sqrt(118 + limit**2)


def maps_of(beta: Any, layers: Any) -> dict[str, Any]:
    """Notebooks 03 to 05: searchlights, and the rho of each with layer RDMs (15, 16, 16) and codes."""
    centres, neural = searchlights(beta)
    codes = np.stack([matrix[LOWER] for matrix in code_matrices().values()])
    turned = np.stack([reordered(rdm) for rdm in neural])
    return {
        "beta": beta, "centres": centres, "neural": neural, "turned": turned, "layers": layers,
        "layer_rho": rho(layers[:, *UPPER], neural[:, *UPPER]),
        "code_rho": rho(codes, turned[:, *LOWER]),
    }  # fmt: skip


def assigned(layer_rho: Any) -> tuple[Any, Any]:
    """Notebook 04: number of the most similar layer of each centre (NaN: none), and where two are as like."""
    kept = np.where(significant(layer_rho), layer_rho, 0)
    found = np.full(kept.shape[1], np.nan)
    for place, column in enumerate(kept.T):
        if (column > 0).any() and not (column < 0).all():
            found[place] = column.argmax() + 1
    ordered = np.sort(kept, axis=0)
    return found, (ordered[-1] > 0) & (ordered[-1] - ordered[-2] < 1e-9)


def code_bar(name: str, published: dict[str, Any], layer: Any) -> Any:
    """Notebook 06-2: positive rho of a layer and the brain over a code's pairs, at the code's voxels."""
    own = published["code_rho"][CODES.index(name)]
    inside = (own > 0) & significant(own)
    neural = np.stack([block(name, rdm) for rdm in published["turned"][inside]])
    values = rho(block(name, reordered(layer))[None], neural)[0]
    return values[values > 0]
