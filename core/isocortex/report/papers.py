"""The papers behind a run: those that texts name, that components say themselves, and that plugins list.

A plugin lists papers in its attribute ``papers``: a sequence of ``Paper``, or the text
``"package.module:NAME"`` of one. A component names what it cites in its docstring or its module's (``Author &
Author 2019``), or in an attribute ``cites``, a sequence of full references; a pipeline in its description.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from isocortex.plugins.manager import PluginManager

ATTRIBUTE = "papers"

_NAME = r"[A-Z\u00c0-\u00dd][\w\u00c0-\u017f'-]+"
_AUTHORS = rf"{_NAME}(?:,? {_NAME}(?=,? (?:{_NAME},? )*&))*(?:,? (?:& {_NAME}|and {_NAME}|et al\.))?"
_SOURCE = re.compile(rf"({_AUTHORS}),? \(?((?:19|20)\d\d)\b")
_DOI = re.compile(
    r"(?:doi:\s?|https?://(?:dx\.)?doi\.org/)(10\.\d{4,9}/[^\s\"<>]*[^\s\"<>.,;:)\]])", re.IGNORECASE
)
_ARXIV = re.compile(r"arXiv:\s?(\d{4}\.\d{4,5})", re.IGNORECASE)
_NO_AUTHOR = {"In", "Since", "From", "After", "Before", "Of", "The", "Until", "By", "Nov", "Version"}
_NEAR = 80
"""Characters after a name within which a DOI belongs to it."""


@dataclass(frozen=True)
class Paper:
    """One paper.

    name : how texts name it, ``Nili et al. 2014``; author and year find it, however many authors are named.
    reference : in full, for the list of references.
    link : ``doi:10...`` or ``arXiv:...``; empty where there is none.
    used_by : components whose users should cite it, ``group_test``, or only with a setting,
        ``group_test correction=tfce``. Those whose docstring names it need not be listed.
    """

    name: str
    reference: str
    link: str = ""
    used_by: tuple[str, ...] = ()


@dataclass
class Cited:
    """A paper to cite: in full, or as it is named where nobody says more; its address; who names it."""

    text: str
    link: str = ""
    known: bool = True
    places: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it is on the web; empty where that is not known."""
        return address_of(self.link)


def address_of(text: str) -> str:
    """The address of the first DOI or arXiv number in a text; empty without one."""
    if doi := _DOI.search(text):
        return f"https://doi.org/{doi[1]}"
    arxiv = _ARXIV.search(text)
    return f"https://arxiv.org/abs/{arxiv[1]}" if arxiv else ""


def named_in(text: str) -> Iterator[str]:
    """Sources of the form ``Author & Author 2019`` in a text."""
    yield from (name for name, _ in _named(text))


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Sources in a text, each with the DOI or arXiv number that follows in the same sentence, or nothing."""
    plain = " ".join(text.split())
    for match in _SOURCE.finditer(plain):
        authors, year = match.groups()
        if authors.split(" ")[0].strip(",") not in _NO_AUTHOR:
            after = re.split(r"[;(]|\. ", plain[match.end() : match.end() + _NEAR].lstrip(")"))[0]
            yield f"{authors} {year}", after if address_of(after) else ""


def key_of(name: str) -> tuple[str, str]:
    """What a name or a full reference is found by: first author and year."""
    first = re.sub(r"^(?:[a-z]+ )+", "", name).replace(",", "").split(" ")[0]  # Maaten of van der Maaten
    years = re.findall(r"\b(?:19|20)\d\d\b", name)
    return first.casefold(), years[0] if years else ""


class Bibliography:
    """All papers that the plugins of a session list; ``faults`` says which lists cannot be read, and why."""

    def __init__(self, manager: PluginManager) -> None:
        self.papers: dict[tuple[str, str], Paper] = {}
        self.faults: list[str] = []
        for name, plugin in manager.objects.items():
            try:
                for paper in _papers_of(plugin):
                    have = self.papers.setdefault(key_of(paper.name), paper)
                    both = (*have.used_by, *paper.used_by)
                    self.papers[key_of(paper.name)] = replace(have, used_by=both)
            except Exception as error:
                self.faults.append(
                    f"the papers of plugin {name!r} cannot be read: {type(error).__name__}: {error}"
                )

    def cited(
        self,
        texts: Sequence[tuple[str, str]],
        uses: Sequence[tuple[str, str, Mapping[str, Any]]],
        said: Sequence[tuple[str, str]],
    ) -> list[Cited]:
        """All papers to cite, by name.

        texts : who and a text that may name papers. said : who and a full reference.
        uses : who, a component and its settings.
        """
        found: dict[Any, Cited] = {}
        for who, text in texts:
            for name, link in _named(text):
                _note(found, key_of(name), self._entry(name, link), who)
        for who, component, settings in uses:
            for key, paper in self.papers.items():
                if any(_holds(use, component, settings) for use in paper.used_by):
                    _note(found, key, self._entry(paper.name, ""), who)
        for who, reference in said:
            _note(found, key_of(reference), Cited(reference, reference), who)
        return sorted(found.values(), key=lambda cited: cited.text.casefold())

    def _entry(self, name: str, link: str) -> Cited:
        paper = self.papers.get(key_of(name))
        return Cited(paper.reference, paper.link or link) if paper else Cited(name, link, known=False)


def _note(found: dict[Any, Cited], key: Any, cited: Cited, who: str) -> None:
    have = found.setdefault(key, cited)
    if cited.known and not have.known:
        have.text, have.known = cited.text, True
    have.link = have.link or cited.link
    if who not in have.places:
        have.places.append(who)


def _holds(use: str, component: str, settings: Mapping[str, Any]) -> bool:
    """Whether ``component key=value`` describes a component with these settings."""
    name, *conditions = use.split(" ")
    pairs = [condition.partition("=")[::2] for condition in conditions]
    return name == component and all(str(settings.get(key)) == value for key, value in pairs)


def _papers_of(plugin: object) -> Sequence[Paper]:
    found: Any = getattr(plugin, ATTRIBUTE, ())
    if isinstance(found, str):
        module, _, name = found.partition(":")
        found = getattr(importlib.import_module(module), name)
    if not isinstance(found, (list, tuple)):  # a module of that name is just part of the package
        return ()
    wrong = [paper for paper in found if not isinstance(paper, Paper)]
    if wrong:
        raise TypeError(f"{wrong[0]!r} is no isocortex.report.papers.Paper")
    return found
