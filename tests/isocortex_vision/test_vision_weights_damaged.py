"""Damaged and malicious files: the right arrays, or one clear error; nothing is run, memory stays bounded."""

from __future__ import annotations

import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import weight_files as files
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.errors import DamagedFile, DataError
from isocortex_vision.weights.crc32c import crc32c
from isocortex_vision.weights.opening import open_weights
from isocortex_vision.weights.stored import Slot
from isocortex_vision.weights.wire import Spoilt, fields, varint

ORDER = [Slot("conv1_1", "conv"), Slot("conv1_2", "conv"), Slot("pool1", "pool"), Slot("fc6", "dense")]
LAYERS = {name: files.small_vgg(2, grid=1)[0][name] for name in ("conv1_1", "conv1_2")}
LAYERS["fc6"] = (np.ones((2, 3), "f4"), np.arange(3, dtype="f4"))
STATE = files.state_dict(LAYERS)
FUZZ = settings(derandomize=True, deadline=None, database=None, max_examples=150)
CHECKSUMS = ("npz", "npz ours", "torch", "torch nested", "checkpoint", "checkpoint V1")
PLAIN = ("caffe V0", "caffe V1", "caffe V2", "torch legacy", "safetensors")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One sound file of each format."""
    made = {}
    for form in (*CHECKSUMS, *PLAIN, "keras legacy", "keras 3"):
        made[form] = files.write_weights(form, tmp_path_factory.mktemp("sound"), LAYERS, {})
    return made


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """Change some bytes, cut it, or put something in between; the beginning is hit more often."""
    changed = bytearray(content)
    places = st.integers(0, len(changed) - 1) | st.integers(0, min(400, len(changed) - 1))
    for _ in range(draw(st.integers(0, 3))):
        changed[draw(places)] = draw(st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
    place = draw(st.integers(0, len(changed)))
    kind = draw(st.sampled_from(["no", "no", "cut", "insert", "drop"]))
    if kind == "no":
        return bytes(changed)
    rest = {"cut": b"", "insert": b"\x00z" + changed[place:], "drop": changed[place + 1 :]}[kind]
    return bytes(changed[:place]) + bytes(rest)


def read_all(path: Path, form: str | None = None) -> dict[str, tuple[Any, Any]] | None:
    """All layers of a file, or None where it is refused as it should be."""
    try:
        stored = open_weights(path, ORDER, form)
        return {name: stored.layers[name] for name in stored.layers}
    except DataError as error:
        assert str(error).startswith(str(path.parent)), "the message names the file"
        return None


def as_expected(form: str, name: str) -> tuple[Any, Any]:
    if form in ("npz", *PLAIN) or form.startswith("torch"):
        return files.as_caffe(LAYERS)[name]
    kernel, bias = LAYERS[name]
    return (
        kernel.reshape(1, 1, *kernel.shape) if form.startswith("check") and name == "fc6" else kernel
    ), bias


@pytest.mark.parametrize("form", CHECKSUMS)
@given(data=st.data())
@FUZZ
def test_formats_with_checksums_give_the_right_arrays_or_an_error(
    sound: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("spoilt")
    parts = [path for path in sorted(sound[form].parent.iterdir()) if path.suffix != ".meta"]
    victim = data.draw(st.sampled_from(parts))
    for part in parts:
        content = part.read_bytes()
        (folder / part.name).write_bytes(data.draw(spoilt(content)) if part == victim else content)
    forced = {"npz": "npz", "torch": "torch", "check": "tensorflow"}[form[:5].split()[0]]
    for name, (kernel, bias) in (read_all(folder / sound[form].name, forced) or {}).items():
        expected = as_expected(form, name)
        assert np.array_equal(kernel, expected[0])
        assert bias is None or np.array_equal(bias, expected[1])


@pytest.mark.parametrize("form", PLAIN)
@given(data=st.data())
@FUZZ
def test_formats_without_checksums_give_arrays_no_larger_than_the_file_or_an_error(
    sound: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    content = data.draw(spoilt(sound[form].read_bytes()))
    path = tmp_path_factory.mktemp("spoilt") / "a"
    path.write_bytes(content)
    forced = {"caffe": "caffe", "torch": "torch", "safet": "safetensors"}[form[:5]]
    for kernel, bias in (read_all(path, data.draw(st.sampled_from([None, forced]))) or {}).values():
        assert kernel.dtype in (np.float32, np.float64)
        assert kernel.nbytes + (0 if bias is None else bias.nbytes) <= 2 * len(content)


@pytest.mark.parametrize("form", ["keras legacy", "keras 3"])
@pytest.mark.parametrize("examples", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_hdf5_files_that_crash_its_library_do_not_crash_the_program(
    sound: dict[str, Path], tmp_path: Path, form: str, examples: int
) -> None:
    content = sound[form].read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(examples):
        changed = bytearray(content)
        for place in rng.integers(0, len(changed), 8):
            changed[place] = rng.integers(0, 256)
        (tmp_path / "a").write_bytes(
            changed[: rng.integers(1, len(changed))] if rng.random() < 0.2 else changed
        )
        for kernel, _ in (read_all(tmp_path / "a", "keras") or {}).values():
            assert kernel.nbytes <= len(content)


def test_a_crash_of_the_child_is_one_clear_error(
    sound: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = subprocess.CompletedProcess([], -11, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: crashed)
    with pytest.raises(DamagedFile, match="on which HDF5's own library fails"):
        open_weights(sound["keras 3"], ORDER)


def test_hdf5_that_leads_out_of_the_file_is_refused(tmp_path: Path) -> None:
    import h5py

    (tmp_path / "secret").write_bytes(bytes(1000))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = LAYERS["conv1_1"][0]
    outside = [(str(tmp_path / "secret"), 0, LAYERS["conv1_1"][0].nbytes)]
    for kind in ("external", "link", "soft", "compressed"):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            group = file.create_group("layers/conv2d/vars")
            group.attrs["name"] = "conv1_1"
            if kind == "external":
                group.create_dataset("0", LAYERS["conv1_1"][0].shape, "f4", external=outside)
            elif kind == "compressed":
                group.create_dataset("0", data=LAYERS["conv1_1"][0], compression="gzip")
            else:
                file["layers/conv2d/vars/0"] = (
                    h5py.ExternalLink("other.h5", "kernel") if kind == "link" else h5py.SoftLink("/layers")
                )
        message = {"external": "lies in another file", "compressed": "h5repack"}.get(
            kind, "none of the network"
        )
        with pytest.raises(DataError, match=message):
            open_weights(tmp_path / "a.h5", ORDER)


class Payload:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))


def test_payloads_are_named_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "payload-ran"
    payload = pickle.dumps([Payload(trace)], 2)
    pickle.loads(payload)[0].close()
    assert trace.exists(), "this payload would prove nothing"
    trace.unlink()
    (tmp_path / "list").write_bytes(payload)
    with zipfile.ZipFile(tmp_path / "zip", "w") as file:
        file.writestr("a/data.pkl", payload)
    magic = [pickle.dumps(item, 2) for item in (0x1950A86A20F9469CFC6C, 1001, {})]
    (tmp_path / "old").write_bytes(b"".join(magic) + payload)
    (tmp_path / "older").write_bytes(magic[0] + payload)
    array = np.empty(1, dtype=object)
    array[0] = Payload(trace)
    buffer = io.BytesIO()
    np.savez(buffer, **{"conv1_1.weight": array})
    (tmp_path / "npz").write_bytes(buffer.getvalue())
    for name in ("list", "zip", "old", "older", "npz"):
        with pytest.raises(DamagedFile, match=r"io\.open'|__builtin__\.open'|run code"):
            dict(open_weights(tmp_path / name, ORDER).layers)
    assert not trace.exists()


def whole(*parts: bytes) -> bytes:
    return b"".join(parts)


KERNEL, BIAS = np.ones((2, 3, 3, 3), "<f4"), np.ones(2, "<f4")


def caffe_layer(*blobs: bytes, name: bytes = b"conv1_1") -> bytes:
    return files.message(100, files.message(1, name) + whole(*(files.message(7, blob) for blob in blobs)))


def blob(shape: tuple[int, ...], values: bytes, field: int = 5) -> bytes:
    dims = whole(*(files.number(1, n & (2**64 - 1)) for n in shape))
    return files.message(7, dims) + files.message(field, values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            caffe_layer(blob((2, 3, 3, 4), KERNEL.tobytes())),
            r"'conv1_1': an array of shape \(2, 3, 3, 4\) with 54",
        ),
        (caffe_layer(blob((-2, -3, 3, 3), KERNEL.tobytes())), "'conv1_1': an array of shape"),
        (caffe_layer(blob((10**9,), b"")), r"'conv1_1': an array of shape \(1000000000,\) with 0 values"),
        (caffe_layer(blob((2,) * 60, KERNEL.tobytes())), "'conv1_1': an array of shape"),
        (caffe_layer(blob((2, 3, 3, 3), KERNEL.tobytes()[:-2])), "'conv1_1': 214 bytes of values of 4"),
        (caffe_layer(blob((54,), KERNEL.tobytes())), "'conv1_1': a kernel of shape"),
        (caffe_layer(blob((0, 3, 3, 3), b"")), "'conv1_1': its kernel is empty"),
        (
            caffe_layer(blob(KERNEL.shape, KERNEL.tobytes()), blob((3,), bytes(12))),
            "'conv1_1': a bias of shape",
        ),
        (caffe_layer(*[blob((2,), BIAS.tobytes())] * 3), "'conv1_1': 3 arrays where a kernel and a bias"),
        (caffe_layer(blob((2,), BIAS.tobytes())) * 2, "two layers with weights are named 'conv1_1'"),
        (caffe_layer(blob(KERNEL.shape, KERNEL.tobytes()))[:-1], "cut off or spoilt, at its start"),
        (caffe_layer(blob(KERNEL.shape, KERNEL.tobytes())) * 2 + b"\xa2\x06\xff", "two layers|after layer"),
        (caffe_layer() + b"\xa2\x06" + b"\xff" * 9 + b"\x01", "announced"),
        (caffe_layer() + b"\xa2\x06" + b"\xff" * 11, "does not end"),
        (
            files.message(100, files.message(1, b"conv1_1") + b"\x3a\x7f"),
            "layer 'conv1_1': 127 bytes are announced",
        ),
        (files.message(100, files.message(1, b"conv1_1") + b"\x0b"), "layer 'conv1_1': wire type 3"),
        (files.message(100, files.message(1, b"x" * 2000)), "no name"),
        (caffe_layer(files.number(1, 1) + b"\x2d" + bytes(4)), "one by one"),
        (caffe_layer(blob(KERNEL.shape, KERNEL.tobytes(), 8)), "'conv1_1': an array of shape"),
    ],
)
def test_damaged_caffe_files_name_the_layer(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.caffemodel").write_bytes(content)
    with pytest.raises(DamagedFile, match=rf"a\.caffemodel.*({message})"):
        open_weights(tmp_path / "a.caffemodel", ORDER, "caffe")


def tensors_header(**entry: Any) -> bytes:
    sound = {"dtype": "F32", "shape": [2, 3, 3, 3], "data_offsets": [0, 216]}
    text = json.dumps({"conv1_1.weight": {**sound, **entry}}).encode()
    return struct.pack("<Q", len(text)) + text + KERNEL.tobytes()


@pytest.mark.parametrize(
    "content",
    [
        tensors_header(shape=[10**9]),
        tensors_header(shape=[10**9], data_offsets=[0, 4 * 10**9]),
        tensors_header(shape=[-2, -3, 3, 3]),
        tensors_header(shape="abc"),
        tensors_header(shape=[2.0, 3, 3, 3]),
        tensors_header(shape=[1] * 40 + [54]),
        tensors_header(shape=[54]),
        tensors_header(dtype="I64"),
        tensors_header(dtype=["F32"]),
        tensors_header(data_offsets=[1, 217]),
        tensors_header(data_offsets=[-4, 212]),
        tensors_header(data_offsets=[0]),
        tensors_header(data_offsets=None),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 8) + b"{" * 8,
        struct.pack("<Q", 40) + b"[" * 40,
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 20) + b'{"conv1_1.weight":5}',
        b"{}",
    ],
)
def test_damaged_safetensors_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.safetensors"):
        open_weights(tmp_path / "a.safetensors", ORDER, "safetensors")


def torch_zip(path: Path, **changes: Any) -> Path:
    content = files.torch_pickle(STATE)
    for old, new in changes.get("replace", ()):
        assert old in content
        content = content.replace(old, new, 1)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", content)
        file.writestr("a/byteorder", changes.get("order", b"little"))
        for place, array in enumerate(STATE.values()):
            if place != changes.get("without"):
                file.writestr(f"a/data/{place}", array.tobytes()[: changes.get("length")])
    return path


def whole_number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


SHAPE = b"(" + b"".join(map(whole_number, (2, 3, 3, 3))) + b"t"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": 0}, "lacks 'a/data/0'"),
        ({"length": 10}, "a storage of 10 bytes where"),
        ({"order": b"middle"}, "its byte order is"),
        (
            {"replace": [(SHAPE, SHAPE.replace(whole_number(2), whole_number(10**9)))]},
            "does not fit its storage",
        ),
        ({"replace": [(SHAPE, SHAPE.replace(whole_number(2), whole_number(-2)))]}, "damaged"),
        ({"replace": [(whole_number(54), whole_number(2**31 - 1))]}, "a storage of"),
        ({"replace": [(b"FloatStorage", b"EvilStorage")]}, "asks for 'torch.EvilStorage'"),
        ({"replace": [(b"_rebuild_tensor_v2", b"_load_global_deps")]}, "save the network's state_dict"),
    ],
)
def test_damaged_torch_files_are_refused(tmp_path: Path, changes: Any, message: str) -> None:
    with pytest.raises(DamagedFile, match=message):
        dict(open_weights(torch_zip(tmp_path / "a.pt", **changes), ORDER).layers)


def test_big_endian_torch_files_are_read_as_such(tmp_path: Path) -> None:
    path = torch_zip(tmp_path / "a.pt", order=b"big")
    assert open_weights(path, ORDER).layers["fc6"][0].dtype.isnative
    assert open_weights(path, ORDER).layers["fc6"][0].flat[0] == np.array(1, "f4").byteswap()


@pytest.mark.parametrize("count", [25, 0])
def test_study_a_lists_of_something_else_are_refused(tmp_path: Path, count: int) -> None:
    for content in ([np.ones(2, "f4")] * count, {"a": 1}, ["text"] * 26, [np.ones(2, "f4")] * 26):
        (tmp_path / "a").write_bytes(pickle.dumps(content))
        with pytest.raises(DamagedFile, match="study A's list of arrays"):
            open_weights(tmp_path / "a", ORDER, "lee2023")


def test_a_checkpoint_without_its_values_says_so(sound: dict[str, Path], tmp_path: Path) -> None:
    index = sound["checkpoint"].with_name("weights.bin.index")
    (tmp_path / "weights.bin.index").write_bytes(index.read_bytes())
    stored = open_weights(tmp_path / "weights.bin", ORDER)
    with pytest.raises(DataError, match="data-00000-of-00001: there is no such file"):
        dict(stored.layers)
    (tmp_path / "weights.bin.data-00000-of-00001").write_bytes(b"short")
    with pytest.raises(DamagedFile, match="cut off: 5 bytes where"):
        dict(stored.layers)


def test_preprocessing_of_our_own_file_is_checked(tmp_path: Path) -> None:
    for text in (
        "{",
        "[]",
        '{"channels": "GRB", "mean": [1,2,3], "scale": [1,1,1]}',
        '{"channels": "RGB", "mean": [1,2], "scale": [1,1,1]}',
        '{"channels": "RGB", "mean": [1,2,3], "scale": [1,1,0]}',
        '{"channels": "RGB", "mean": [1,2,NaN], "scale": [1,1,1]}',
    ):
        np.savez(tmp_path / "a.npz", **{"fc6/kernel": LAYERS["fc6"][0], "preprocessing": np.array(text)})
        with pytest.raises(DamagedFile, match="'preprocessing' cannot be understood"):
            open_weights(tmp_path / "a.npz", ORDER)


def test_checksums_are_those_of_the_standard() -> None:
    """RFC 3720, B.4: 32 zeros, 32 ones, 0 to 31; and the definition, byte by byte, over lengths."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    content = np.random.default_rng(0).bytes(3000)
    for length in (0, 1, 2, 3, 255, 256, 511, 512, 513, 1025, 3000):
        crc = 0xFFFFFFFF
        for byte in content[:length]:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
        assert crc32c(content[:length]) == crc ^ 0xFFFFFFFF


def test_numbers_of_protocol_buffers() -> None:
    assert varint(b"\x96\x01", 0, 2) == (150, 2)
    assert varint(b"\xff" * 9 + b"\x01", 0, 10) == (2**64 - 1, 10)
    for content in (b"", b"\x80", b"\xff" * 10):
        with pytest.raises(Spoilt):
            varint(content, 0, len(content))
    assert [f.number for f in fields(b"\x08\x01\x15abcd\x19abcdefgh", 0, 16)] == [1, 2, 3]
    for content in (b"\x00\x01", b"\x15abc", b"\x0b", b"\x0a\x02a"):
        with pytest.raises(Spoilt):
            list(fields(content, 0, len(content)))


BOUNDED = """
import resource, sys
from pathlib import Path
from isocortex.errors import DataError
from isocortex_vision.weights.opening import open_weights
from isocortex_vision.weights.stored import Slot
import isocortex_vision.weights.torch_file, isocortex_vision.weights.caffe, isocortex_vision.weights.lee2023
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        dict(open_weights(Path(path), [Slot("conv1_1", "conv")]).layers)
    except DataError:
        pass
    else:
        sys.exit(f"{path} was read")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_headers_of_a_thousand_million_values_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "caffe").write_bytes(caffe_layer(blob((10**9, 1, 1, 1), b"")))
    (tmp_path / "tensors").write_bytes(tensors_header(shape=[10**9, 1, 1, 1], data_offsets=[0, 4 * 10**9]))
    torch_zip(tmp_path / "torch", replace=[(whole_number(54), whole_number(2**31 - 1))])
    (tmp_path / "bytes").write_bytes(b"\x80\x04]\x8e" + struct.pack("<Q", 10**10) + b"abc.")
    (tmp_path / "memo").write_bytes(b"\x80\x04]r\xff\xff\xff\x7f.")
    names = [str(tmp_path / name) for name in ("caffe", "tensors", "torch", "bytes", "memo")]
    done = subprocess.run([sys.executable, "-c", BOUNDED, *names], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50, "MB"
