"""The opcodes of a pickle as ``safe_pickle`` follows them: one function each; what is not here is refused.

Codes and arguments are those of ``pickletools`` in Python's library.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from isocortex.formats.pickled_arrays import Failure

if TYPE_CHECKING:
    from isocortex.formats.safe_pickle import Machine

_SIMPLE = (str, bytes, int, float, complex, bool, type(None))


def checked_key(value: Any) -> Hashable:
    """Admit simple keys and short tuples of them: hashing deeper ones can be made to overflow the stack."""
    parts = value if type(value) is tuple and len(value) <= 64 else (value,)
    if not all(isinstance(part, _SIMPLE) for part in parts):
        raise Failure("it uses something else than text, a number or a tuple of them as a key")
    return value  # type: ignore[no-any-return]


def refused(code: bytes) -> str:
    """Say why an opcode is not followed."""
    import pickletools

    known = {item.code.encode("latin1"): item.name for item in pickletools.opcodes}
    if code in known:
        return f"uses {known[code]}, which arrays and plain containers do not need, so it is refused"
    return f"not a pickle, or spoilt: {code!r} is no operation"


def _text(machine: Machine, form: str) -> None:
    machine.push(str(machine.take(machine.number(form)), "utf-8", "surrogatepass"))


def _old_text(machine: Machine, content: bytes) -> None:
    machine.push(content.decode(machine.encoding))


def _quoted(machine: Machine) -> None:
    line = machine.line()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
        raise Failure(f"spoilt: text without quotes at byte {machine.at}")
    _old_text(machine, codecs.escape_decode(line[1:-1])[0])


def _whole(machine: Machine) -> None:
    line = machine.line()
    machine.push(line == b"01" if line in (b"00", b"01") else int(line))


def _long(machine: Machine, form: str) -> None:
    count = machine.number(form)
    if count > 1024:
        raise Failure(f"a whole number of {count} bytes at byte {machine.at}")
    machine.push(int.from_bytes(machine.take(count), "little", signed=True))


def _tuple(machine: Machine, count: int) -> None:
    items = [machine.pop() for _ in range(count)]
    machine.push(tuple(reversed(items)))


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if type(name) is not str or type(module) is not str:
        raise Failure(f"spoilt: a global without a name at byte {machine.at}")
    machine.find(module, name)


def _extend(machine: Machine) -> None:
    items = machine.since_mark()
    machine.top(list).extend(items)


def _append(machine: Machine) -> None:
    item = machine.pop()
    machine.top(list).append(item)


def _dict(machine: Machine) -> None:
    pairs = machine.since_mark()
    machine.push({})
    machine.set_items(pairs)


def _set_item(machine: Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


def _add(machine: Machine) -> None:
    items = machine.since_mark()
    machine.top(set).update(map(checked_key, items))


def _pop(machine: Machine) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        machine.pop()


def _copy(machine: Machine) -> None:
    machine.push(machine.pop())
    machine.push(machine.stack[-1])


FOLLOWED: dict[bytes, Callable[[Machine], object]] = {
    b"\x80": lambda m: m.take(1),  # PROTO
    b"\x95": lambda m: m.take(8),  # FRAME
    b"(": lambda m: m.marks.append(len(m.stack)),
    b"0": _pop,
    b"1": lambda m: m.since_mark(),
    b"2": _copy,
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _whole,
    b"L": lambda m: m.push(int(m.line().removesuffix(b"L"))),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: _long(m, "<B"),
    b"\x8b": lambda m: _long(m, "<i"),
    b"F": lambda m: m.push(float(m.line())),
    b"G": lambda m: m.push(m.number(">d")),
    b"S": _quoted,
    b"T": lambda m: _old_text(m, m.take(m.number("<i"))),
    b"U": lambda m: _old_text(m, m.take(m.number("<B"))),
    b"B": lambda m: m.push(m.take(m.number("<I"))),
    b"C": lambda m: m.push(m.take(m.number("<B"))),
    b"\x8e": lambda m: m.push(m.take(m.number("<Q"))),
    b"\x96": lambda m: m.push(m.take(m.number("<Q"))),  # BYTEARRAY8, as bytes
    b"V": lambda m: m.push(str(m.line(), "raw-unicode-escape")),
    b"X": lambda m: _text(m, "<I"),
    b"\x8c": lambda m: _text(m, "<B"),
    b"\x8d": lambda m: _text(m, "<Q"),
    b"]": lambda m: m.push([]),
    b"a": _append,
    b"e": _extend,
    b"l": lambda m: m.push(m.since_mark()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"\x85": lambda m: _tuple(m, 1),
    b"\x86": lambda m: _tuple(m, 2),
    b"\x87": lambda m: _tuple(m, 3),
    b"}": lambda m: m.push({}),
    b"d": _dict,
    b"s": _set_item,
    b"u": lambda m: m.set_items(m.since_mark()),
    b"\x8f": lambda m: m.push(set()),
    b"\x90": _add,
    b"g": lambda m: m.get(int(m.line())),
    b"h": lambda m: m.get(m.number("<B")),
    b"j": lambda m: m.get(m.number("<I")),
    b"p": lambda m: m.put(int(m.line())),
    b"q": lambda m: m.put(m.number("<B")),
    b"r": lambda m: m.put(m.number("<I")),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"c": lambda m: m.find(str(m.line(), "utf-8"), str(m.line(), "utf-8")),
    b"\x93": _stack_global,
    b"R": lambda m: m.reduce(),
    b"b": lambda m: m.build(),
    b"P": lambda m: m.persist(str(m.line(), "ascii")),
    b"Q": lambda m: m.persist(m.pop()),
}
