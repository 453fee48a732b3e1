"""Published and independently computed values, for the RDMs of Kriegeskorte 2008 and Cichy 2014."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import isocortex as ic
from isocortex.data import RDMs, Table
from isocortex.handles import SimilarityHandle
from isocortex_rsa import Cosine, Pearson, Spearman, compare_rdms, load_rdms

ROOT = Path(os.environ.get("ISOCORTEX_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
MEASURES = {"corr": Pearson(), "cosine": Cosine(), "spearman": Spearman()}
SESSIONS = {"dims": ["subject", "session"], "average": ["session"]}


def folder(name: str) -> Path:
    path = ROOT / name
    if not path.is_dir():
        pytest.skip(f"no real data: {path} is not there (set ISOCORTEX_TEST_DATA)")
    return path


def images92(array: str, **settings: object) -> RDMs:
    path = folder("kriegeskorte92")
    return load_rdms(path / "rdms.npz", path / "stimuli.tsv", array=array, column="index", **settings)


@pytest.mark.parametrize("method", sorted(MEASURES))
def test_models_and_subjects_as_rsatoolbox(method: str) -> None:
    human = images92("human_it", metric="correlation", **SESSIONS)
    models = images92("model_rdms", names="model_names")
    table = compare_rdms(human, models, SimilarityHandle(method, MEASURES[method]))
    expected = json.loads((folder("kriegeskorte92") / "expected_rsatoolbox_0.3.2.json").read_text())
    want = expected[method]["models"]
    assert set(want) == set(models.names) and len(table) == 32
    for row in table.rows():
        value = want[row["model"]][int(row["rdm"].removeprefix("subject")) - 1]
        assert row["similarity"] == pytest.approx(value, abs=1.5e-8), row


@pytest.mark.parametrize(("measure", "value"), [(Pearson(), 0.4912), (Spearman(), 0.4389)])
def test_human_and_monkey_it(measure: object, value: float) -> None:
    human = images92("human_it", dims=["subject", "session"], average=["subject", "session"])
    table = compare_rdms(human, images92("monkey_it"), SimilarityHandle("x", measure))
    assert round(float(table["similarity"][0]), 4) == value


def test_order_of_conditions_does_not_matter() -> None:
    human = images92("human_it", **SESSIONS)
    monkey = images92("monkey_it")
    spearman = SimilarityHandle("spearman", Spearman())
    turned = monkey.subset(np.random.default_rng(0).permutation(monkey.conditions).tolist())
    np.testing.assert_allclose(
        compare_rdms(human, turned, spearman)["similarity"],
        compare_rdms(human, monkey, spearman)["similarity"],
        rtol=1e-12,
    )


@pytest.mark.parametrize(("region", "squared", "plain"), [("EVC", 0.1589, 0.3856), ("IT", 0.3075, 0.5346)])
def test_upper_noise_ceiling_of_fifteen_subjects(region: str, squared: float, plain: float) -> None:
    file = folder("cichy92_fmri_rdms") / "rdms.npz"
    rdms = load_rdms(file, [str(k) for k in range(92)], array=region, dims=["subject"], metric="correlation")
    found = compare_rdms(rdms, rdms.mean(), SimilarityHandle("spearman", Spearman()))["similarity"]
    assert len(found) == 15
    assert round(float((found**2).mean()), 4) == squared
    assert round(float(found.mean()), 4) == plain


PIPELINE = """
name: human-and-monkey
steps:
  human:
    use: load_rdms
    with: {{file: {folder}/rdms.npz, array: human_it, conditions: {folder}/stimuli.tsv, column: index,
            dims: [subject, session], average: [session], metric: correlation}}
  monkey:
    use: load_rdms
    with: {{file: {folder}/rdms.npz, array: monkey_it, conditions: {folder}/stimuli.tsv, column: index}}
  mean: {{use: mean_rdm, from: {{rdms: human}}}}
  fit: {{use: compare_rdms, from: {{rdms: mean, models: monkey}}, with: {{similarity: pearson}}}}
  each: {{use: compare_rdms, from: {{rdms: human, models: monkey}}}}
  bars: {{use: comparison_bars, from: {{table: each}}}}
"""


def test_the_same_through_a_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE.format(folder=folder("kriegeskorte92").resolve()))
    ic.run(file, out=tmp_path / "out")
    fit = Table.load(tmp_path / "out" / "fit")
    assert round(float(fit["similarity"][0]), 4) == 0.4912
    bars = Table.load(tmp_path / "out" / "bars")
    assert bars["n"].tolist() == [4] and round(float(bars["mean"][0]), 4) == 0.2963
