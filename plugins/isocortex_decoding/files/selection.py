"""The language that selects columns of BData: ``ROI_V1 = 1``, ``ROI_V* - ROI_V1``, ``Stat top 500 @ ROI_VC``.

=====================  ====================================================================
``KEY = 1``, ``KEY``   columns whose value under that key is 1
``KEY = 0.5``, ``!=``, ``<``, ``<=``, ``>``, ``>=``   any other comparison with a number
``A | B``, ``A + B``   in either
``A & B``              in both
``A - B``              in A and not in B
``STAT top 500 @ A``   the 500 columns of A with the largest values of STAT (``A @ STAT top 500`` too)
``ROI_*``              any key of that form; several are taken together
``'a key'``            quotes, for keys with spaces or operators in their names
=====================  ====================================================================

As in bdpy, ``| + & -`` bind equally strongly, from left to right, and ``@`` more loosely than they. Two
things differ, both in what bdpy 0.26 gets wrong: a number is compared with the values themselves (there only
with "is 1", so that ``KEY = 2`` selects nothing and ``KEY = 0`` the label columns too), and ``top`` works
(there its words melt into one key). A column without a value (NaN) satisfies no comparison and has no rank;
of equal values the column further left goes first.
"""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError, suggestion

Mask = npt.NDArray[np.bool_]
Lookup = Callable[[str], npt.NDArray[np.float64]]

_TOKEN = re.compile(
    r"""\s*(?:(?P<op><=|>=|!=|[=<>|&+\-@()])|'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<word>[^\s=<>!|&+\-@()'"]+))"""
)
_COMPARE: dict[str, Callable[[npt.NDArray[np.float64], float], Mask]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DEEPEST = 100


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int


@dataclass(frozen=True)
class _Ranking:
    values: npt.NDArray[np.float64]
    count: int
    place: int


def selected(expression: str, keys: Sequence[str], values: Lookup, n_columns: int) -> Mask:
    """Say for each column whether an expression selects it, (n_columns,).

    ``values`` gives what stands under a key, (n_columns,). Raises ``DataError`` with the position of what is
    wrong: a malformed expression, an unknown key (with the close matches).
    """
    reader = _Reader(expression, _tokens(expression), keys, values, n_columns)
    found = reader.ranked(0)
    if reader.here.kind != "end":
        raise reader.error("an operator is expected")
    return _top(found, np.ones(n_columns, dtype=bool)) if isinstance(found, _Ranking) else found


def _tokens(expression: str) -> list[_Token]:
    tokens, place = [], 0
    text = expression.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            what = "a quote is not closed" if text[place:].lstrip()[0] in "'\"" else "this cannot be read"
            raise _error(expression, len(text) - len(text[place:].lstrip()), what)
        kind = str(match.lastgroup)
        tokens.append(_Token("key" if kind in ("single", "double") else kind, match[kind], match.start(kind)))
        place = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _is_like(name: str, form: str) -> bool:
    """Whether a name has a form with ``*`` for any text; each part is taken where it comes first.

    A regular expression would try all ways to share out the text, which many ``*`` make too many.
    """
    first, *parts, last = form.split("*")
    place, end = len(first), len(name) - len(last)
    if not name.startswith(first) or not name.endswith(last) or end < place:
        return False
    for part in parts:
        at = name.find(part, place, end)
        if at < 0:
            return False
        place = at + len(part)
    return True


def _error(expression: str, place: int, what: str) -> DataError:
    rest = expression[place:]
    where = f"at {rest[:20]!r}" if rest.strip() else "at its end"
    return DataError(f"select: {expression!r}: {what} {where} (position {place + 1})")


def _top(ranking: _Ranking, within: Mask) -> Mask:
    """Mark the columns of the largest values; those without a value have no rank."""
    candidates = np.flatnonzero(within & ~np.isnan(ranking.values))
    if len(candidates) < ranking.count:
        warnings.warn(
            f"select: top {ranking.count} of {len(candidates)} columns that have a value; all are taken",
            stacklevel=2,
        )
    order = candidates[np.argsort(-ranking.values[candidates], kind="stable")]
    mask = np.zeros(len(within), dtype=bool)
    mask[order[: ranking.count]] = True
    return mask


class _Reader:
    """Reads an expression from left to right."""

    def __init__(
        self, expression: str, tokens: list[_Token], keys: Sequence[str], values: Lookup, n_columns: int
    ) -> None:
        self.expression = expression
        self.tokens = tokens
        self.place = 0
        self.keys = keys
        self.values = values
        self.n_columns = n_columns

    @property
    def here(self) -> _Token:
        return self.tokens[self.place]

    def error(self, what: str, token: _Token | None = None) -> DataError:
        return _error(self.expression, (token or self.here).place, what)

    def take(self) -> _Token:
        token = self.here
        self.place += 1
        return token

    def is_op(self, *texts: str) -> bool:
        return self.here.kind == "op" and self.here.text in texts

    def ranked(self, depth: int) -> Mask | _Ranking:
        """Read a ranking within a set: what binds most loosely."""
        left = self.union(depth)
        while self.is_op("@"):
            at = self.take()
            right = self.union(depth)
            if isinstance(left, _Ranking) == isinstance(right, _Ranking):
                raise self.error("one side of @ is a ranking (STAT top 500), the other a set of columns", at)
            ranking, within = (left, right) if isinstance(left, _Ranking) else (right, left)
            assert isinstance(ranking, _Ranking)
            assert not isinstance(within, _Ranking)
            left = _top(ranking, within)
        return left

    def union(self, depth: int) -> Mask | _Ranking:
        left = self.single(depth)
        while self.is_op("|", "+", "&", "-"):
            sign = self.take().text
            one, other = self.as_set(left), self.as_set(self.single(depth))
            left = one & other if sign == "&" else one & ~other if sign == "-" else one | other
        return left

    def as_set(self, item: Mask | _Ranking) -> Mask:
        return _top(item, np.ones(self.n_columns, dtype=bool)) if isinstance(item, _Ranking) else item

    def single(self, depth: int) -> Mask | _Ranking:
        """Read a key with what follows it, or something in parentheses."""
        if self.is_op("("):
            opened = self.take()
            if depth >= _DEEPEST:
                raise self.error("parentheses are nested too deep")
            inside = self.ranked(depth + 1)
            if not self.is_op(")"):
                raise self.error("this parenthesis is not closed", opened)
            self.take()
            return inside
        if self.here.kind not in ("word", "key"):
            raise self.error("a key is expected")
        key = self.take()
        if self.here.kind == "word" and self.here.text.lower() == "top":
            return self.ranking(key)
        if self.here.kind == "op" and self.here.text in _COMPARE:
            sign = self.take().text
            return self.compared(key, sign, self.number())
        return self.compared(key, "=", 1.0)

    def number(self) -> float:
        minus = self.is_op("-")
        if minus:
            self.take()
        token = self.here
        text = token.text
        if token.kind == "word" and re.fullmatch(r"[0-9.]+[eE]", text):  # 1e-3 or 1e+3 came as three tokens
            sign, power = self.tokens[self.place + 1], self.tokens[min(self.place + 2, len(self.tokens) - 1)]
            if sign.text in ("-", "+") and power.text.isdigit():
                text = f"{text}{sign.text}{power.text}"
                self.place += 2
        try:
            value = float(text) if token.kind == "word" else np.nan
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            raise self.error("a number is expected", token)
        self.take()
        return -value if minus else value

    def ranking(self, key: _Token) -> _Ranking:
        top = self.take()
        count = self.here
        if count.kind != "word" or not count.text.isdecimal() or int(count.text) < 1:
            raise self.error("a whole number from 1 on is expected after top")
        self.take()
        (name,) = self.matching(key, several=False)
        return _Ranking(self.values(name), int(count.text), top.place)

    def compared(self, key: _Token, sign: str, number: float) -> Mask:
        found = np.zeros(self.n_columns, dtype=bool)
        for name in self.matching(key, several=True):
            values = self.values(name)
            found |= _COMPARE[sign](values, number) & ~np.isnan(values)
        return found

    def matching(self, key: _Token, several: bool) -> list[str]:
        if key.text in self.keys:
            return [key.text]
        if "*" not in key.text:
            raise self.error(f"there is no key {key.text!r} ({suggestion(key.text, self.keys, 'keys')})", key)
        if not several:
            raise self.error("a ranking goes by one key, without *", key)
        names = [name for name in self.keys if _is_like(name, key.text)]
        if not names:
            raise self.error(f"no key is like {key.text!r} ({suggestion(key.text, self.keys, 'keys')})", key)
        return names
