"""Pages of the hooks that a plugin may have, and of the contracts that components keep."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from isocortex import contracts
from isocortex.plugins import spec
from isocortex.plugins.registry import KINDS
from isocortex.reference.markdown import anchor, inline, page, prose, table
from isocortex.reference.site import Site

EXAMPLE = re.compile(r"\n*^Example::\n\n", flags=re.MULTILINE)


def hook_pages(site: Site) -> dict[str, str]:
    """The pages ``hooks.md`` and ``contracts.md``."""
    intro = prose((spec.__doc__ or "").partition("\n")[2])
    hooks = [_hook(name) for name in hook_names()]
    title = f"# Hooks\n\nHow to write a plugin: {site.guide('plugins.md')}."
    parts = [*contracts.CONTRACTS.values(), contracts.Embedding, contracts.Comparison, contracts.Step]
    parts += [contracts.Gradient, contracts.Reconstruction]
    about = "# Contracts\n\n" + prose(contracts.__doc__ or "")
    return {"hooks.md": page(title, intro, *hooks), "contracts.md": page(about, *map(_contract, parts))}


def hook_names() -> list[str]:
    """All hooks, in the order of the specification."""
    return [
        name
        for name, item in vars(spec).items()
        if name.startswith(("register_", "run_", "step_")) and callable(item)
    ]


def _hook(name: str) -> str:
    function = getattr(spec, name)
    text, *example = EXAMPLE.split(inspect.getdoc(function) or "")
    kind = {hook: kind for kind, hook in KINDS.items()}.get(name, "")
    contract: Any = contracts.CONTRACTS.get(kind)
    see = f"Contract: [{contract.__name__}](contracts.md#{anchor(contract.__name__)})." if contract else ""
    arguments = ", ".join(inspect.signature(function).parameters)
    code = [f"```python\n{textwrap.dedent(part).strip()}\n```" for part in example]
    return page(f"## {name}", f"`{name}({arguments})`", prose(text), see, *code)


def _contract(contract: type) -> str:
    rows = [
        (f"`{name}{_arguments(item)}`", inline(inspect.getdoc(item) or ""))
        for name, item in vars(contract).items()
        if not name.startswith("_")
        and (inspect.isfunction(item) or isinstance(item, property))
        and not hasattr(tuple, name)
    ]
    call = vars(contract).get("__call__")
    if inspect.isfunction(call) and contract is not contracts.Step:
        rows.insert(0, (f"`__call__{_arguments(call)}`", inline(inspect.getdoc(call) or "")))
    return page(f"## {contract.__name__}", prose(inspect.getdoc(contract) or ""), table(("member", ""), rows))


def _arguments(item: Any) -> str:
    if isinstance(item, property):
        return ""
    parameters = list(inspect.signature(item).parameters.values())[1:]
    return str(inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters]))
