"""What the two plugins register can be imported, has a summary, and costs nothing until it is used."""

import importlib
import inspect
import subprocess
import sys

import pytest

import isocortex_rsa
import isocortex_rsa.plugin
import isocortex_studies
import isocortex_studies.plugin
from isocortex import testing

HOOKS = [
    (module, name)
    for module in (isocortex_rsa.plugin, isocortex_studies.plugin)
    for name in vars(module)
    if name.startswith("register_")
]


def registered() -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = []
    for module, hook in HOOKS:
        getattr(module, hook)(
            register=lambda name, component, summary="", hook=hook: found.append(
                (hook, name, component, summary)
            )
        )
    return found


@pytest.mark.parametrize(("hook", "name", "path", "summary"), registered())
def test_components_exist_and_have_a_summary(hook: str, name: str, path: str, summary: str) -> None:
    assert summary and not summary.endswith(".")
    if hook != "register_pipelines":
        module, _, attribute = path.partition(":")
        component = getattr(importlib.import_module(module), attribute)
        assert inspect.getdoc(component)


@pytest.mark.parametrize("metric", [isocortex_rsa.correlation, isocortex_rsa.cosine, isocortex_rsa.euclidean])
def test_metrics_keep_the_contract(metric: object) -> None:
    testing.check_rdm_metric(metric)


@pytest.mark.parametrize("measure", [isocortex_rsa.Spearman, isocortex_rsa.Pearson, isocortex_rsa.Cosine])
def test_similarities_keep_the_contract(measure: type) -> None:
    testing.check_similarity(measure())


def test_the_simulated_source_keeps_the_contract() -> None:
    testing.check_data_source(isocortex_studies.Simulated(n_subjects=2, n_voxels=50))


@pytest.mark.parametrize("path", [path for hook, _, path, _ in registered() if hook == "register_steps"])
def test_steps_keep_the_contract(path: str) -> None:
    module, _, attribute = path.partition(":")
    testing.check_step(getattr(importlib.import_module(module), attribute), attribute)


def test_registering_imports_nothing_heavy() -> None:
    code = (
        "import sys, isocortex_rsa, isocortex_studies, isocortex_rsa.plugin, isocortex_studies.plugin\n"
        "heavy = {'numpy', 'scipy', 'matplotlib', 'pydantic', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("package", [isocortex_rsa, isocortex_studies])
def test_public_names_are_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing  # type: ignore[attr-defined]
