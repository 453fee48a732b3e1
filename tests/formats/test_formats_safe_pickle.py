from __future__ import annotations

import contextlib
import io
import pickle
import resource
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.errors import DamagedFile, DataError
from isocortex.formats.safe_pickle import Standin, read_pickle, read_pickles

FUZZ = settings(derandomize=True, deadline=None, database=None, max_examples=300)
PROTOCOLS = range(6)
DTYPES = ["?", "i1", "u8", "f2", "f4", "f8", ">f8", ">i2", "c8", "U3", "S2"]


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, np.ndarray | np.generic):
        found = np.asarray(found)
        if expected.dtype == object:
            return found.shape == expected.shape and all(map(same, found.flat, np.asarray(expected).flat))
        sound = (found.dtype, found.shape) == (expected.dtype, expected.shape)
        return sound and found.tobytes() == expected.tobytes()
    if isinstance(expected, list | tuple):
        alike = type(found) is type(expected) and len(found) == len(expected)
        return alike and all(map(same, found, expected))
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    return type(found) is type(expected) and (found == expected or found != found)


# what is admitted

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text(), st.integers()), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(PLAIN)
@settings(FUZZ, max_examples=60)
def test_plain_containers_are_read_as_pickle_reads_them(protocol: int, value: Any) -> None:
    content = pickle.dumps(value, protocol)
    assert same(read_pickle(content), pickle.loads(content))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(
    hnp.arrays(st.sampled_from(DTYPES).map(np.dtype), hnp.array_shapes(min_dims=0, min_side=0, max_side=4)),
    st.booleans(),
)
@settings(FUZZ, max_examples=60)
def test_arrays_are_read_to_the_last_bit(protocol: int, array: Any, fortran: bool) -> None:
    array = np.asarray(array, order="F" if fortran else "C")
    found = read_pickle(pickle.dumps({("mean", "conv1_1"): [array, array.copy(), array]}, protocol))
    first, second, third = found["mean", "conv1_1"]
    assert same(first, array)
    assert same(second, array)
    assert third is first, "an array that occurs twice is one array"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scalars_dtypes_ordered_dicts_and_arrays_of_objects(protocol: int) -> None:
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.arange(3), "text"]
    value = [
        np.float32(1.5),
        np.int64(-3),
        np.bool_(True),
        np.dtype(">f8"),
        ragged,
        bytearray(b"ab"),
        {1, 2},
        1 - 2j,
    ]
    found = read_pickle(pickle.dumps([*value, OrderedDict(b=1, a=2)], protocol))
    assert [type(item) for item in found[:3]] == [np.float32, np.int64, np.bool_]
    assert found[:4] == value[:4]
    assert found[5:7] == [b"ab", {1, 2}]
    assert same(found[4], ragged)
    assert list(found[8].items()) == [("b", 1), ("a", 2)]


def test_numpy_1_and_the_oldest_state_of_an_array() -> None:
    content = pickle.dumps(np.arange(3.0), 4)
    old = content.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    old = old.replace(b"\x95" + struct.pack("<Q", len(content) - 11), b"")  # the frame's length has changed
    assert b"numpy._core" not in old
    assert read_pickle(old).tolist() == [0, 1, 2]


def test_pickles_of_python_2() -> None:
    """As Python 2.7 with numpy 1.16 writes ``{"a": np.array([1.0, -2.5]), "\\xe9": u"x"}``."""
    array = np.array([1.0, -2.5]).tobytes()
    escaped = "".join(f"\\x{byte:02x}" for byte in array).encode()
    dtype = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    zero = b"(dS'a'\n" + made + b"(I1\n(I2\nt" + dtype + b"I00\nS'" + escaped + b"'\ntbsS'\\xe9'\nVx\ns."
    two = zero.replace(b"S'" + escaped + b"'\n", b"U" + bytes([len(array)]) + array)
    for content in (zero, b"\x80\x02" + two):
        assert pickle.loads(content, encoding="latin1")["a"].tolist() == [1, -2.5], (
            "this is what pickle reads"
        )
        found = read_pickle(content)
        assert found["a"].tolist() == [1, -2.5]
        assert found["é"] == "x"


def test_a_file_is_read_as_its_bytes_and_arrays_cannot_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "statistics.pkl"
    path.write_bytes(pickle.dumps({("mean", "fc6"): np.ones((2, 3), np.float32)}))
    found = read_pickle(path)["mean", "fc6"]
    assert found.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 2
    path.write_bytes(b"")
    with pytest.raises(DamagedFile, match=r"statistics\.pkl: the file is empty"):
        read_pickle(path)
    with pytest.raises(DataError, match="there is no such file"):
        read_pickle(tmp_path / "gone")
    with pytest.raises(DataError, match="a folder"):
        read_pickle(tmp_path)


def test_several_pickles_in_one_file() -> None:
    content = pickle.dumps([1]) + pickle.dumps("two") + b"rest"
    first = read_pickles(content, 0, "it")
    second = read_pickles(content, first.end, "it")
    assert (first.value, second.value, content[second.end :]) == ([1], "two", b"rest")


class Reference:
    pass


class Writer(pickle.Pickler):
    def persistent_id(self, item: Any) -> Any:
        return ("stored", 5) if isinstance(item, Reference) else None


def test_a_format_may_admit_globals_and_references_of_its_own() -> None:
    buffer = io.BytesIO()
    Writer(buffer, 2).dump([Reference(), Path("x")])
    module = type(Path("x")).__reduce__(Path("x"))[0]
    name = f"{module.__module__}.{module.__qualname__}"
    found = read_pickle(
        buffer.getvalue(),
        admit={name: Standin(name, lambda *parts: ("path", parts))},
        persistent=lambda identity: ("reference", identity),
    )
    assert found == [("reference", ("stored", 5)), ("path", ("x",))]
    with pytest.raises(DamagedFile, match="refers to objects outside of itself"):
        read_pickle(buffer.getvalue())
    with pytest.raises(DamagedFile, match="refers to objects outside of itself"):
        read_pickle(b"Pid\n.")


# what is refused


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_payload_is_named_and_not_run(hostile: Any, protocol: int) -> None:
    for value in (hostile, hostile[0], [np.zeros(3), {"x": hostile[0]}]):
        with pytest.raises(DamagedFile, match=r"asks for '(_?io|__builtin__|builtins)\.open', which could"):
            read_pickle(pickle.dumps(value, protocol))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", r"'os\.system'"),
        (b"(S'true'\nios\nsystem\n.", "INST"),
        (b"(cos\nsystem\nS'true'\no.", r"'os\.system'"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", r"'builtins\.eval'"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.", r"'numpy\.ndarray\.__new__'"),
        (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", "__globals__"),
        (b"cnumpy\nload\n.", r"'numpy\.load'"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"cnumpy\nndarray\n)\x81.", "NEWOBJ"),
        (b"cnumpy\nndarray\n)}\x92.", "NEWOBJ_EX"),
        (b"\x97.", "NEXT_BUFFER"),
    ],
)
def test_every_way_to_call_something_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(DamagedFile, match=name):
        read_pickle(content)


DTYPE = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"N",
        b"(.",
        b"\xff.",
        b"K\x01K\x02",
        b"B\xff\xff\xff\x7fabc.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x96\x00\x00\x00\x00\x10\x00\x00\x00abc.",
        b"T\xff\xff\xff\xffabc.",
        b"\x8b\xff\xff\xff\x7f\x01.",
        b"\x8b\xff\xff\xff\xff\x01.",
        b"X\x02\x00\x00\x00\xff\xff.",
        b"I" + b"9" * 5000 + b"\n.",
        b"Iabc\n.",
        b"S'abc\n.",
        b"Sabc",
        b"h\x00.",
        b"e.",
        b"Na.",
        b"NNs.",
        b"(K\x01d.",
        b"N(K\x01K\x02u.",
        b"]}\x94h\x00Ns.",
        b"(lp0\nNh\x00s.",
        b"}](h\x00u.",
        b"}]Ns.",
        b"}" + b")" + b"\x85" * 70 + b"Ns.",
        b"K\x01)R.",
        b"cnumpy\nndarray\n)R.",
        b"cnumpy\ndtype\nNR.",
        b"cnumpy\ndtype\n)R.",
        b"cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'M8'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR.",
        DTYPE.replace(b"NNNI", b"N(S'a'\ntNI") + b".",
        DTYPE.replace(b"S'<'", b"S'!'") + b".",
        ARRAY + b".",
        ARRAY + b"Nb.",
        ARRAY + b"]\x94h\x00b.",
        b"]" + ARRAY + b"a.",
        ARRAY + b"(I1\n(I1000000000\nt" + DTYPE + b"I00\nS''\ntb.",
        ARRAY + b"(I1\n(I1\nt" + DTYPE + b"I00\nS'abcdefg'\ntb.",
        ARRAY + b"(I1\n(I-1\nt" + DTYPE + b"I00\nS'abcdefgh'\ntb.",
        ARRAY + b"(I1\n(I0\nI99999999999999999999999\nt" + DTYPE + b"I00\nS''\ntb.",
        ARRAY + b"(I1\n(" + b"I1\n" * 40 + b"t" + DTYPE + b"I00\nS'abcdefgh'\ntb.",
        ARRAY + b"(I1\n(I1\ntNI00\nS'abcdefgh'\ntb.",
        ARRAY.replace(b"cnumpy\nndarray", b"cnumpy\ndtype") + b".",
        b"ccollections\nOrderedDict\n(K\x01tR.",
        b"ccollections\nOrderedDict\n((K\x01tltR.",
        b"c_codecs\nencode\n(S'a'\nS'rot13'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(" + DTYPE + b"S'abc'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(NS'abc'\ntR.",
        b"K\x01}b.",
    ],
)
def test_spoilt_pickles_are_one_clear_error(content: bytes) -> None:
    with pytest.raises(DamagedFile, match="the pickle: "):
        read_pickle(content)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    "content",
    [
        b"Nr\xff\xff\xff\x7f.",  # a memo of two thousand million places
        b"Np999999999999\n.",
        b"X\x00\x00\x01\x00"
        + b"x" * 2**16
        + b"q\x000"
        + b"c_codecs\nencode\nq\x010"
        + b"h\x01h\x00\x85R" * 10**5
        + b".",
        b"]q\x000"
        + b"ccollections\nOrderedDict\nq\x010"
        + b"("
        + b"(K\x01K\x02l" * 5000
        + b"lq\x020"
        + b"h\x01h\x02\x85R" * 10**4
        + b".",
        b"]" * 2_100_000 + b".",
    ],
)
def test_bombs_do_not_fill_the_memory(content: bytes) -> None:
    before = peak()
    with contextlib.suppress(DamagedFile):
        read_pickle(content)
    assert peak() - before < 400 * 2**20


@pytest.mark.slow
def test_nesting_without_end_does_not_overflow_the_stack() -> None:
    deep = read_pickle(b")" + b"\x85" * 10**6 + b".")
    assert type(deep) is tuple
    del deep
    assert read_pickle(b"]" * 10**5 + b"a" * (10**5 - 1) + b".")


def mutations(content: bytes) -> st.SearchStrategy[bytes]:
    change = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))

    def spoilt(changes: list[tuple[int, int]], end: int, insert: bytes) -> bytes:
        spoilt = bytearray(content)
        for place, value in changes:
            spoilt[place] = value
        return bytes(spoilt[:end] + insert + spoilt[end:]) if insert else bytes(spoilt[:end])

    ends = st.just(len(content)) | st.integers(0, len(content))
    return st.builds(spoilt, st.lists(change, max_size=4), ends, st.just(b"") | st.binary(max_size=4))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.data())
@FUZZ
def test_a_spoilt_pickle_is_read_or_refused(protocol: int, data: st.DataObject) -> None:
    value = {("mean", "fc6"): np.arange(4.0), "list": [np.float32(2), (1, "a", b"b", None, 2**70, -1.5)]}
    content = data.draw(mutations(pickle.dumps(value, protocol)))
    with contextlib.suppress(DamagedFile):
        read_pickle(content)


@given(st.binary(max_size=60))
@example(b"\x80\x04\x95")
@FUZZ
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(DamagedFile):
        read_pickle(content + b".")
