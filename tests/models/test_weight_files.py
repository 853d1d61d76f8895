"""Weight files that claim more than they hold, or hold other things than weights, cost no more than their size."""

import io
import pickle
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from recircle.errors import UserError
from recircle.models.weight_files import read_torch, read_weights
from recircle.run import Run
from tests.small_run import write_run

MAGIC = 0x1950A86A20F9469CFC6C
FORMATS = pytest.mark.parametrize("archive", [True, False], ids=["archive", "old format"])


def save(value: Any, path: Path, *, archive: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=archive)
    return path


def old_file(content: bytes, keys: Any = (), numbers: bytes = b"") -> bytes:
    """Return a file in the format before PyTorch 1.6."""
    return b"".join(pickle.dumps(one, 2) for one in (MAGIC, 1001, {})) + content + pickle.dumps(list(keys), 2) + numbers


def archive_file(content: bytes, storages: dict[str, bytes] | None = None, name: str = "data.pkl") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr(f"x/{name}", content)
        written.writestr("x/byteorder", "little")
        for key, numbers in (storages or {}).items():
            written.writestr(f"x/data/{key}", numbers)
        written.writestr("x/version", "3\n")
    return file.getvalue()


def tensor(numel: int, size: int, key: str = "0", kind: str = "FloatStorage", stride: int = 1) -> bytes:
    """Return the part of a pickle that makes a vector."""
    number = b"\x8a\x08" + numel.to_bytes(8, "little")
    length = b"\x8a\x08" + size.to_bytes(8, "little")
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
        + b"ctorch\n%s\n" % kind.encode()
        + b"X%s%sX\x03\x00\x00\x00cpu" % (len(key).to_bytes(4, "little"), key.encode())
        + number
        + b"NtQK\x00%s\x85K%c\x85\x89ccollections\nOrderedDict\n)RtR" % (length, stride)
    )


def word(text: str) -> bytes:
    return b"X%s%s" % (len(text).to_bytes(4, "little"), text.encode())


def state(*values: bytes) -> bytes:
    """Return the pickle of a state dict."""
    return b"\x80\x02}(" + b"".join(word(f"w{n}") + value for n, value in enumerate(values)) + b"u."


HUGE = 1 << 34
MANY = 20_000
LIST = b"]q\x00(" + b"K\x01K\x02\x86" * MANY + b"e"
TEXT = b"X" + (1 << 20).to_bytes(4, "little") + b"a" * (1 << 20) + b"q\x00"
CHAIN = b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(200))
GREEDY = {
    "a bytearray of 16 GiB": state(b"c__builtin__\nbytearray\n\x8a\x05\x00\x00\x00\x00\x04\x85R"),
    "a bytearray under its new name": state(b"cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x04\x85R"),
    "an empty tensor of 64 GiB": state(b"ctorch\nFloatTensor\n\x8a\x05\x00\x00\x00\x00\x04\x85R"),
    "a storage of 16 GiB": state(b"ctorch.storage\nUntypedStorage\n\x8a\x05\x00\x00\x00\x00\x04\x85R"),
    "a bytearray by way of a subclass": state(
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nbytearray\nctorch\nTensor\n"
        b"\x8a\x05\x00\x00\x00\x00\x04\x85NtR"
    ),
    "numbers that are not there": state(tensor(HUGE, HUGE)),
    "more numbers than the storage": state(tensor(4, HUGE)),
    "a step beyond the storage": state(tensor(4, 2, stride=200)),
    "numbers of a negative count": state(tensor(4, 4).replace(b"K\x00\x8a", b"J\xff\xff\xff\xff\x8a")),
    "text of 4 GiB": b"\x80\x02X" + b"\xff" * 4 + b".",
    "many empty dicts": b"\x80\x02(" + b"}" * 2_000_000 + b"t.",
    "a list copied often": b"\x80\x02(" + LIST + b"ccollections\nOrderedDict\nh\x00\x85R" * 50_000 + b"t.",
    "a list counted often": b"\x80\x02(" + LIST + b"ccollections\nCounter\nh\x00\x85R" * 50_000 + b"t.",
    "a list of sizes copied often": b"\x80\x02(" + LIST + b"ctorch\nSize\nh\x00\x85R" * 50_000 + b"t.",
    "text encoded often": b"\x80\x02("
    + TEXT
    + b"c_codecs\nencode\nq\x01"
    + b"h\x01h\x00U\x06latin1\x86R" * MANY
    + b"t.",
    "a key that takes for ever to hash": b"\x80\x02}" + CHAIN + b"Ns.",
    "a set of what takes for ever to hash": b"\x80\x02c__builtin__\nset\n](" + CHAIN + b"e\x85R.",
    "a dict of what takes for ever to hash": b"\x80\x02ccollections\nOrderedDict\n](](" + CHAIN + b"Nee\x85R.",
}

READ = """
import resource, sys
from pathlib import Path
import torch
from recircle.errors import UserError
from recircle.models.weight_files import read_weights
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for path in sorted(Path(sys.argv[1]).iterdir()):
    before = peak()
    try:
        read_weights(path)
    except UserError as error:
        print(path.name, str(error).removeprefix(str(path)))
        assert len(str(error)) < 1000 and "\\n" not in str(error), path
    else:
        raise AssertionError(f"{path} was read")
    limit = 40 * path.stat().st_size + (16 << 20)
    assert peak() - before < limit, (path, peak() - before)
"""


def test_a_file_cannot_take_more_memory_than_its_size_allows(tmp_path: Path) -> None:
    one = bytes(16)
    files = {
        **{f"old, {name}": old_file(content, "0", (4).to_bytes(8, "little") + one) for name, content in GREEDY.items()},
        **{f"archive, {name}": archive_file(content, {"0": one}) for name, content in GREEDY.items()},
        "archive, in capitals": archive_file(GREEDY["a bytearray of 16 GiB"], name="DATA.PKL"),
        "both": archive_file(GREEDY["a bytearray of 16 GiB"]) + bytes(8),
        # PyTorch takes what does not begin as an archive for the old format
        "old, an archive at its end": old_file(GREEDY["a bytearray of 16 GiB"]) + archive_file(state()),
        "old, never filled": old_file(state(tensor(4, 4)), "", bytes(24)),
        "old, torn": old_file(state(tensor(4, 4)), "0"),
        "deflated": deflated(state(tensor(1 << 26, 1 << 26)), 1 << 28),
    }
    for number, (name, content) in enumerate(files.items()):
        # those that may take little come first: the peak never falls
        (tmp_path / f"{len(content):09} {number:02} {name}.pth").write_bytes(content)
    done = subprocess.run([sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == len(files)


def deflated(content: bytes, size: int) -> bytes:
    """Return a zip bomb: zeros that are packed a thousand times smaller."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("x/data.pkl", content)
        with written.open("x/data/0", "w") as entry:
            for _ in range(size >> 20):
                entry.write(bytes(1 << 20))
        written.writestr("x/version", "3\n")
    return file.getvalue()


def test_entries_that_share_their_bytes(tmp_path: Path) -> None:
    """An archive can name one place many times over; what is unpacked is then more than the file."""
    numbers = bytes(1 << 16)
    content = bytearray(archive_file(state(tensor(4, 4)), {"0": numbers, "1": numbers}))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        first, second = (file.getinfo(f"x/data/{key}") for key in "01")
    # the second entry of the directory points to the bytes of the first, and the first's are cut out twice
    record = content.rindex(b"x/data/1") - 46
    content[record + 42 : record + 46] = first.header_offset.to_bytes(4, "little")
    gone = second.header_offset - first.header_offset
    del content[second.header_offset : second.header_offset + gone]
    end = content.rindex(b"PK\x05\x06")
    start = int.from_bytes(content[end + 16 : end + 20], "little") - gone
    content[end + 16 : end + 20] = start.to_bytes(4, "little")
    (tmp_path / "shared.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"several times over|can be read safely"):
        read_weights(tmp_path / "shared.pth")


@FORMATS
def test_all_that_training_saves_is_read(archive: bool, tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
    optimiser = torch.optim.AdamW(network.parameters())
    sum(parameter.sum() for parameter in network.parameters()).backward()  # pyright: ignore[reportAttributeAccessIssue]
    optimiser.step()
    shared = torch.arange(12.0)
    content = {
        "state_dict": network.state_dict(),
        "parameters": list(network.parameters()),
        "optimiser": optimiser.state_dict(),
        "schedule": torch.optim.lr_scheduler.MultiStepLR(optimiser, [3, 4]).state_dict(),
        "random": torch.get_rng_state(),
        "views": [shared[3:], shared.view(3, 4).T, shared[::2], shared[:0]],
        "kinds": [torch.ones(3, dtype=kind) for kind in (torch.half, torch.bfloat16, torch.bool, torch.int64)],
        "plain": {"a": [1, 2.5, None, True, "text", 1 << 80, (1, 2), {3, 4}, 1 + 2j, b"bytes"], 3: Counter("aab")},
        "ordered": OrderedDict(a=torch.Size((1, 2)), b=torch.device("cpu")),
        "empty": [torch.empty(0), torch.empty(3, 0)],
        "one": torch.tensor(3.5),
    }
    content["plain"]["a"].pop(-2)  # weights are real numbers
    read = read_torch(save(content, tmp_path / "all.pt", archive=archive))
    assert read["plain"] == content["plain"]
    assert read["ordered"] == content["ordered"]
    assert all(torch.equal(a, b) for a, b in zip(read["views"] + read["kinds"], content["views"] + content["kinds"]))
    assert read["optimiser"]["state"].keys() == content["optimiser"]["state"].keys()


def test_types_newer_than_the_names_of_storages(tmp_path: Path) -> None:
    state = {"a": torch.ones(3).to(torch.uint16), "b": torch.ones(3).to(torch.float8_e5m2)}
    read = read_weights(save(state, tmp_path / "new.pth"))
    assert {name: value.dtype for name, value in read.items()} == {"a": torch.uint16, "b": torch.float8_e5m2}


def test_an_ordered_dict_of_python_2(tmp_path: Path) -> None:
    pair = b"](" + word("w") + tensor(4, 4) + b"e"
    content = b"\x80\x02ccollections\nOrderedDict\n](" + pair + b"e\x85R."
    (tmp_path / "old.pth").write_bytes(old_file(content, "0", (4).to_bytes(8, "little") + b"\x00\x00\x80?" * 4))
    assert torch.equal(read_weights(tmp_path / "old.pth")["w"], torch.ones(4))


def quantized() -> Tensor:
    return torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)


OTHERS = {
    "sparse": lambda: torch.eye(4).to_sparse(),
    "compressed rows": lambda: torch.eye(4).to_sparse_csr(),
    "meta": lambda: torch.ones(4, device="meta"),
    "complex": lambda: torch.ones(4, dtype=torch.complex64),
    "stride 0": lambda: torch.ones(1).expand(1_000_000),
    "rows of stride 0": lambda: torch.ones(1, 4).expand(100, 4),
    "infinite": lambda: torch.tensor([1.0, float("inf")]),
    "not a number": lambda: torch.tensor([float("nan"), 1.0]),
    "not a number in half": lambda: torch.tensor([float("nan"), 1.0], dtype=torch.bfloat16),
}


@FORMATS
@pytest.mark.parametrize("kind", [*OTHERS, "quantized"])
@pytest.mark.filterwarnings("ignore:(Sparse|torch.quantize|TypedStorage|.*deprecated)")
def test_tensors_that_are_no_weights(kind: str, archive: bool, tmp_path: Path) -> None:
    value = (quantized if kind == "quantized" else OTHERS[kind])()
    path = save({"good": torch.ones(3), "layer.weight": value}, tmp_path / "other.pth", archive=archive)
    with pytest.raises(UserError, match=r"other\.pth") as error:
        read_weights(path)
    assert len(str(error.value)) < 500
    assert "\n" not in str(error.value)


def test_one_storage_many_times(tmp_path: Path) -> None:
    """Views may share numbers, as tied weights do; hundreds of the same are not weights."""
    shared = torch.ones(10_000)
    tied = save({"a": shared, "b": shared.view(100, 100)}, tmp_path / "tied.pth")
    assert read_weights(tied)["b"].shape == (100, 100)
    path = save({f"w{n}": shared for n in range(500)}, tmp_path / "multiplied.pth")
    with pytest.raises(UserError, match="far more than the file"):
        read_weights(path)


@pytest.mark.parametrize("kind", [torch.complex64, torch.float32], ids=["complex", "not finite"])
def test_safetensors_that_are_no_weights(kind: torch.dtype, tmp_path: Path) -> None:
    save_file({"w": torch.full((3,), float("inf"), dtype=kind)}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"w\.safetensors"):
        read_weights(tmp_path / "w.safetensors")


CHANGES = {
    "whole numbers": (lambda value: value.to(torch.int64), "is of torch.int64, not of torch.float32"),
    "another shape": (lambda value: value[..., :1].contiguous(), "is .*, not "),
    "complex": (lambda value: value.to(torch.complex64), "not a dense array of real numbers"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_weights_of_a_run_of_another_kind(change: str, tmp_path: Path) -> None:
    run, (make, message) = write_run(tmp_path / "run"), CHANGES[change]
    save_file(changed(run, make), run.weights_path)
    with pytest.raises(UserError, match=message):
        run.load_model()


def test_weights_of_a_run_in_half_precision_are_its_weights(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    save_file({name: value.half() if value.is_floating_point() else value for name, value in weights(run).items()},
              run.weights_path)  # fmt: skip
    assert {value.dtype for value in run.load_model().parameters()} == {torch.float32}


def test_weights_of_a_run_that_diverged_are_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    save_file(changed(run, lambda value: value * float("nan")), run.weights_path)
    with pytest.warns(UserWarning, match="infinite or NaN, in fc.weight"):
        run.load_model()


def weights(run: Run) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in run.load_model().state_dict().items()}


def changed(run: Run, make: Any) -> dict[str, Tensor]:
    state = weights(run)
    return {**state, "fc.weight": make(state["fc.weight"])}
