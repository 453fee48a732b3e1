"""Pickles of arrays and plain containers, read without running anything that they name.

Python's own unpickler calls what a file asks for, and even one that admits few names takes memory that the
file merely announces (a memo index of a billion, bytes of a length that is not there). So the opcodes are
followed here, one by one: a global is a name in a table of stand-ins, never an import; lengths are compared
with the file before anything is taken; what is built is counted.

Admitted: None, booleans, numbers, text, bytes, lists, tuples, sets, dicts, ``OrderedDict`` (as a dict), and
numpy arrays, dtypes and scalars of numbers or text as numpy 1 and 2 write them under Python 2 and 3,
protocols 0 to 5; arrays of objects of which the objects are admitted.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from isocortex.errors import DamagedFile, DataError
from isocortex.formats.pickle_opcodes import FOLLOWED, checked_key, refused
from isocortex.formats.pickled_arrays import ARRAYS, Failure, Pending, Standin

__all__ = ["Standin", "Unpickled", "read_pickle", "read_pickles"]

Content = bytes | memoryview | mmap.mmap
OPERATIONS = 2_000_000
"""As many opcodes are followed; each takes up to some hundred bytes of memory."""


class Unpickled(NamedTuple):
    """One pickle of a file: what it holds, and where the next thing in the file begins."""

    value: Any
    end: int


def read_pickle(
    source: Path | bytes,
    *,
    encoding: str = "latin1",
    admit: Mapping[str, Standin] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Read a pickle that holds arrays and plain containers only.

    Parameters
    ----------
    source : the file, or its bytes.
    encoding : of text that Python 2 wrote.
    admit : more globals, ``"module.name"`` -> what stands for it.
    persistent : gives the object that a persistent id stands for; without it such ids are refused.

    Raises
    ------
    DamagedFile : the file is cut or spoilt, or asks for anything else (the message names it); nothing is run.
    """
    if isinstance(source, bytes):
        return read_pickles(source, 0, "the pickle", encoding, admit, persistent).value
    with mapped(source) as content:
        return read_pickles(content, 0, str(source), encoding, admit, persistent).value


def read_pickles(
    content: Content,
    start: int,
    what: str,
    encoding: str = "latin1",
    admit: Mapping[str, Standin] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Unpickled:
    """Read the pickle that begins at ``start``; ``what`` names the file in errors. See ``read_pickle``."""
    machine = Machine(content, start, encoding, {**_PLAIN, **ARRAYS, **(admit or {})}, persistent)
    try:
        return Unpickled(machine.run(), machine.at)
    except Failure as error:
        raise DamagedFile(f"{what}: {error}") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error) as error:
        raise DamagedFile(f"{what}: not a sound pickle, at byte {machine.at} ({error})") from None


def mapped(path: Path) -> mmap.mmap:
    """Map a file; one that is not there is a ``DataError``, an empty one a ``DamagedFile``."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a folder, not a file") from None
    except ValueError:
        raise DamagedFile(f"{path}: the file is empty") from None


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    if not isinstance(pairs, (list, tuple)):
        raise Failure("it makes an OrderedDict of something else than pairs")
    return {checked_key(key): value for key, value in pairs}


def _encode(text: Any, encoding: Any = "utf-8") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise Failure("it encodes something else than text")
    return text.encode(encoding)


def _bytearray(content: Any = b"", encoding: Any = None) -> bytes:
    return _encode(content, encoding) if encoding is not None or type(content) is not bytes else content


def _set(items: Any = ()) -> set[Any]:
    if type(items) is not list:
        raise Failure("it makes a set of something else than a list")
    return {checked_key(item) for item in items}


def _complex(real: Any, imaginary: Any) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        raise Failure("it makes a complex number of something else than two numbers")
    return complex(real, imaginary)


_BUILTINS: dict[str, Callable[..., Any]] = {
    "bytes": _bytearray,
    "bytearray": _bytearray,
    "set": _set,
    "complex": _complex,
}
_PLAIN = {
    "collections.OrderedDict": Standin("collections.OrderedDict", _ordered_dict),
    "_codecs.encode": Standin("_codecs.encode", _encode),
    **{
        f"{module}.{name}": Standin(name, call)
        for module in ("builtins", "__builtin__")
        for name, call in _BUILTINS.items()
    },
}


class Machine:
    """Follows the opcodes of one pickle; ``at`` is the place in the file."""

    def __init__(
        self,
        content: Content,
        start: int,
        encoding: str,
        admitted: Mapping[str, Standin],
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        self.content, self.at, self.size = content, start, len(content)
        self.encoding, self.admitted, self.persistent = encoding, admitted, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.made = 0

    def run(self) -> Any:
        """Follow the opcodes to the end of the pickle and give what it stands for."""
        for _ in range(OPERATIONS):
            code = self.take(1)
            if code == b".":
                return self.pop()
            operation = FOLLOWED.get(code)
            if operation is None:
                raise Failure(refused(code))
            operation(self)
        raise Failure(f"it has more than {OPERATIONS} operations, which no file of arrays needs")

    # the file

    def take(self, count: int) -> bytes:
        """Take so many bytes from the file."""
        if count < 0 or count > self.size - self.at:
            raise Failure(f"cut off or spoilt: {count} bytes are announced at byte {self.at} of {self.size}")
        self.at += count
        return bytes(self.content[self.at - count : self.at])

    def number(self, form: str) -> Any:
        """Take one number in a form of ``struct``."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        """Take the bytes up to the end of the line, without it."""
        block = bytes(self.content[self.at : self.at + 256])
        while b"\n" not in block:
            if self.at + len(block) >= self.size:
                raise Failure(f"cut off: a line does not end after byte {self.at}")
            block = bytes(self.content[self.at : self.at + 4 * len(block)])
        found = block[: block.index(b"\n")]
        self.at += len(found) + 1
        return found

    # the stack

    def push(self, value: Any) -> None:
        """Lay a value on the stack."""
        self.stack.append(value)

    def last(self) -> Any:
        """Give what lies on top; it may be incomplete."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Failure(f"spoilt: nothing is left on its stack at byte {self.at}")
        return self.stack[-1]

    def pop(self) -> Any:
        """Take the complete value that lies on top of the stack."""
        self.complete([self.last()])
        return self.stack.pop()

    def complete(self, items: list[Any]) -> None:
        """Refuse to use an array of which the content is still to come, which no writer does."""
        if any(isinstance(item, Pending) for item in items):
            raise Failure(f"spoilt: it uses at byte {self.at} what is not complete")

    def since_mark(self) -> list[Any]:
        """Take all that lies above the last mark, and the mark."""
        if not self.marks:
            raise Failure(f"spoilt: a mark is missing at byte {self.at}")
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        self.complete(items)
        return items

    def top(self, kind: type) -> Any:
        """Give the container on top of the stack, which is to be filled."""
        value = self.last()
        if type(value) is not kind:
            raise Failure(f"spoilt: no {kind.__name__} to fill at byte {self.at}")
        return value

    def put(self, place: int) -> None:
        """Keep what lies on top under a number."""
        value = self.memo[place] = self.last()
        if isinstance(value, Pending):
            value.places.append(place)

    def get(self, place: int) -> None:
        """Lay what was kept under a number on the stack."""
        if place not in self.memo:
            raise Failure(f"spoilt: it uses at byte {self.at} what it has not kept")
        self.push(self.memo[place])

    # what is built

    def find(self, module: str, name: str) -> None:
        """Lay the stand-in for a name on the stack; a name that is not admitted is refused."""
        full = f"{module}.{name}"
        if full not in self.admitted:
            raise Failure(
                f"asks for {full[:200]!r}, which could run code; only arrays and plain containers are read, "
                "so it is refused"
            )
        self.push(self.admitted[full])

    def reduce(self) -> None:
        """Call the stand-in below the arguments on the stack, and lay its result there."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Standin) or function.call is None or type(arguments) is not tuple:
            raise Failure(f"spoilt: it calls at byte {self.at} what cannot be called")
        self.made += sum(8 * len(items) for items in arguments if type(items) in (list, tuple))
        self.charge(function.call(*arguments))

    def charge(self, value: Any) -> None:
        """Count what is made of the file's bytes: a call in a loop must not fill the memory."""
        self.made += len(value) if type(value) is bytes else getattr(value, "nbytes", 0)
        if self.made > 8 * self.size + 2**20:
            raise Failure(f"makes more than {self.made} bytes of the {self.size} bytes of the file")
        self.push(value)

    def build(self) -> None:
        """Give the value below its state: an array gets its content."""
        state, value = self.pop(), self.last()
        self.stack.pop()
        if isinstance(value, Pending):
            if type(state) is not tuple:
                raise Failure(f"spoilt: no state of an array at byte {self.at}")
            done = value.complete(state)
            for place in value.places:
                if self.memo.get(place) is value:
                    self.memo[place] = done
            self.charge(done)
        elif type(value) is dict and type(state) is dict:
            self.push(value)  # attributes of an OrderedDict, which hold no data
        else:
            raise Failure(f"sets at byte {self.at} the inner state of a {type(value).__name__}")

    def set_items(self, pairs: list[Any]) -> None:
        """Put keys and values, in turn, into the mapping on top of the stack."""
        if len(pairs) % 2:
            raise Failure(f"spoilt: a key without a value at byte {self.at}")
        target = self.top(dict)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[checked_key(key)] = value

    def persist(self, identity: Any) -> None:
        """Lay the object of a persistent identity on the stack, where the format has such."""
        if self.persistent is None:
            raise Failure("refers to objects outside of itself, which only some formats do")
        self.push(self.persistent(identity))
