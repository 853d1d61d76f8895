import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recircle.errors import UserError
from recircle.models.caffe2 import read_caffe2

# protocol 2 of {"blobs": {"conv1_w": np.array([1.5, -2.0], np.float32), "lr": 0.1}} as Python 2 writes it: its strings
# are bytes, and so is what the array consists of
PYTHON_2 = (
    b"\x80\x02}q\x00U\x05blobsq\x01}q\x02(U\x07conv1_wq\x03cnumpy.core.multiarray\n_reconstruct\nq\x04cnumpy\nndarray\n"
    b"q\x05K\x00\x85q\x06U\x01bq\x07\x87q\x08Rq\t(K\x01K\x02\x85q\ncnumpy\ndtype\nq\x0bU\x02f4q\x0cK\x00K\x01\x87q\rRq"
    b"\x0e(K\x03U\x01<q\x0fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x10b\x89U\x08\x00\x00\xc0?\x00\x00\x00\xc0q\x11"
    b"tq\x12bU\x02lrq\x13G?\xb9\x99\x99\x99\x99\x99\x9aus."
)


def write(path: Path, content: Any, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_reads_what_python_2_wrote(tmp_path: Path) -> None:
    (tmp_path / "I3D_8x8_R50.pkl").write_bytes(PYTHON_2)
    blobs = read_caffe2(tmp_path / "I3D_8x8_R50.pkl")
    assert torch.equal(blobs["conv1_w"], torch.tensor([1.5, -2.0]))
    assert blobs["conv1_w"].dtype == torch.float32
    assert blobs["lr"].item() == 0.1


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_blobs_of_all_kinds(protocol: int, tmp_path: Path) -> None:
    values = np.random.RandomState(1).standard_normal((4, 3, 1, 2, 2)).astype(np.float32)
    blobs: OrderedDict[str, Any] = OrderedDict(
        w=values, turned=values.T, big=values.astype(">f8"), n=np.int64(7), half=np.float32(0.5), flag=True, one=3
    )
    content = {"blobs": blobs, "cfg": "MODEL:\n  DEPTH: 50"}
    read = read_caffe2(write(tmp_path / "a.pkl", content, protocol))
    assert list(read) == list(blobs)
    assert torch.equal(read["w"], torch.from_numpy(values))
    assert torch.equal(read["turned"], torch.from_numpy(values.T.copy()))
    assert torch.equal(read["big"], torch.from_numpy(values).double())
    assert (read["n"].item(), read["half"].item(), read["flag"].item(), read["one"].item()) == (7, 0.5, True, 3)
    read["w"].zero_()


@pytest.mark.parametrize("module", ["core", "_core"])
def test_either_name_of_numpys_core(module: str, tmp_path: Path) -> None:
    text = pickle.dumps({"blobs": {"a": np.ones(2), "b": np.float64(2)}}, protocol=2)
    text = text.replace(b"numpy._core.", b"numpy.core.").replace(b"numpy.core.", f"numpy.{module}.".encode())
    (tmp_path / "a.pkl").write_bytes(text)
    assert read_caffe2(tmp_path / "a.pkl")["a"].tolist() == [1, 1]


class Evil:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def evils(folder: Path) -> list[Any]:
    target = str(folder / "made")
    return [
        Evil(os.mkdir, target),
        Evil(eval, f"open({target!r}, 'w')"),
        Evil(getattr, "text", "upper"),
        Evil(np.fromfile, target),
        Evil(pickle.loads, b""),
        Path(target),
        {1, 2},
        torch.ones(2),
    ]


@pytest.mark.parametrize("number", range(8))
def test_nothing_but_numbers_text_and_containers_is_made(number: int, tmp_path: Path) -> None:
    for protocol in (2, 4):
        evil = evils(tmp_path)[number]
        file = write(tmp_path / "evil.pkl", {"blobs": {"conv1_w": np.ones(2), "x": evil}}, protocol)
        with pytest.raises(UserError, match=r"(is not a Caffe2 file that can be read safely|the blob x, which)"):
            read_caffe2(file)
        assert not (tmp_path / "made").exists()


def test_codecs_encode_nothing_but_latin1(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"c_codecs\nencode\n(Vabc\nVrot13\ntR.")
    with pytest.raises(UserError, match="encodes text as rot13"):
        read_caffe2(tmp_path / "a.pkl")


@pytest.mark.parametrize("content", [[1], {"blobs": {}}, {"blobs": 3}, {"model_state": {"a": np.ones(1)}}, "blobs"])
def test_files_without_blobs(content: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no Caffe2 blobs"):
        read_caffe2(write(tmp_path / "a.pkl", content))


@pytest.mark.parametrize("value", [None, "text", [1.0], np.array(["text"]), np.array([None]), np.ones(2, complex)])
def test_blobs_that_are_no_numbers(value: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the blob x, which is not an array of numbers"):
        read_caffe2(write(tmp_path / "a.pkl", {"blobs": {"x": value}}))


@pytest.mark.parametrize("text", [b"", b"not a pickle", PYTHON_2[:-40], PYTHON_2[:60], b"\x80\x02\x8a\xff."])
def test_broken_files(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(text)
    with pytest.raises(UserError, match=r"a\.pkl is not a Caffe2 file that can be read safely"):
        read_caffe2(tmp_path / "a.pkl")


def numbered(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little")


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
FLOATS = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR"
BLOB = b"\x80\x02}U\x05blobs}U\x01a"
GREEDY = {
    "an array made directly": BLOB + b"cnumpy\nndarray\n(" + numbered(1 << 28) + b"\x85tRss.",
    "an array too large for any machine": BLOB + b"cnumpy\nndarray\n" + numbered(1 << 30) + b"\x85\x85Rss.",
    "an array that starts large": BLOB + ARRAY.replace(b"(K\x00t", b"(" + numbered(1 << 30) + b"t") + b"ss.",
    "a shape without its values": BLOB + ARRAY + b"(K\x01(" + numbered(1 << 30) + b"t" + FLOATS + b"\x89U\x04abcdtbss.",
    "a shape that overflows": BLOB + ARRAY + b"(K\x01(" + numbered(1 << 30) * 5 + b"t" + FLOATS + b"\x89U\x00tbss.",
    "a dtype of two gigabytes": BLOB + b"cnumpy\ndtype\n(U\x0bV2000000000K\x00K\x01tRss.",
    "a scalar of two gigabytes": BLOB
    + b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x0bV2000000000tRU\x01atRss.",
    "text of 8 exabytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f.",
    "bytes of 8 exabytes": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
    "bytes that change": b"\x80\x05\x96" + (1 << 33).to_bytes(8, "little") + b".",
    "text of two gigabytes": b"\x80\x02T" + ((1 << 31) - 1).to_bytes(4, "little") + b".",
    "a number of two gigabytes": b"\x80\x02\x8b" + ((1 << 31) - 1).to_bytes(4, "little") + b".",
    "a frame of 8 exabytes": b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f.",
    "a memo with a far place": b"\x80\x02}r" + b"\xff\xff\xff\x7f" + b".",
    "a key that takes for ever to hash": b"\x80\x02}(" + b")" + b"2\x86" * 200 + b"Nu.",
    "a key that is deep": b"\x80\x02}(" + b")" + b"\x85" * 1_000_000 + b"Nu.",
    "sets": b"\x80\x04(" + b"\x8f" * 1_000_000 + b"t.",
    "many empty dicts": b"\x80\x04(" + b"}" * 2_000_000 + b"t.",
    "a dict copied often": b"\x80\x02]q\x00(" + b"K\x01K\x02\x86" * 20_000 + b"e("
    + b"ccollections\nOrderedDict\nh\x00\x85R" * 50_000 + b"t.",
    "attributes copied often": b"\x80\x02}q\x00(" + b"".join(b"U\x05%05dN" % n for n in range(20_000)) + b"u("
    + b"ccollections\nOrderedDict\n)Rh\x00b" * 50_000 + b"t.",
    "bytes encoded often": b"\x80\x02X" + (1 << 20).to_bytes(4, "little") + b"a" * (1 << 20)
    + b"q\x00c_codecs\nencode\nq\x010(" + b"h\x01h\x00U\x06latin1\x86R" * 20_000 + b"t.",
    "an array named often": BLOB[:-3] + b"T" + (1 << 22).to_bytes(4, "little") + bytes(1 << 22) + b"q\x000("
    + b"".join(b"K%c" % n + ARRAY + b"(K\x01(" + numbered(1 << 20) + b"t" + FLOATS + b"\x89h\x00tb" for n in range(250))
    + b"us.",
}  # fmt: skip

READ = """
import resource, sys
from pathlib import Path
from recircle.errors import UserError
from recircle.models.caffe2 import read_caffe2
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for path in sorted(Path(sys.argv[1]).iterdir()):
    before = peak()
    try:
        read_caffe2(path)
    except UserError as error:
        print(path.name, str(error).removeprefix(str(path)))
        assert len(str(error)) < 1000 and "\\n" not in str(error), path
    else:
        raise AssertionError(f"{path} was read")
    limit = 32 * path.stat().st_size + (16 << 20)
    assert peak() - before < limit, (path, peak() - before)
"""


def test_a_file_cannot_take_more_memory_than_its_size_allows(tmp_path: Path) -> None:
    for number, (name, content) in enumerate(GREEDY.items()):
        # those that may take little come first: the peak never falls
        (tmp_path / f"{len(content):09} {number:02} {name}.pkl").write_bytes(content)
    done = subprocess.run([sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not a Caffe2 file that can be read safely") == len(GREEDY) - 3


def test_greedy_files_of_others() -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "cases" / "hostile_media" / "c2_memory"
    if not folder.is_dir():
        pytest.skip("the cases beside the checkout (../shared/cases) are not there")
    for path in folder.iterdir():
        with pytest.raises(UserError, match="not a Caffe2 file that can be read safely"):
            read_caffe2(path)


def test_text_of_python_2_in_protocol_0(tmp_path: Path) -> None:
    text = (
        b"(dp0\nS'blobs'\np1\n(dp2\nS'a'\np3\ncnumpy.core.multiarray\n_reconstruct\np4\n(cnumpy\nndarray\np5\n"
        b"(I0\ntp6\nS'b'\np7\ntp8\nRp9\n(I1\n(I2\ntp10\ncnumpy\ndtype\np11\n(S'f4'\np12\nI0\nI1\ntp13\nRp14\n"
        b"(I3\nS'<'\np15\nNNNI-1\nI-1\nI0\ntp16\nbI00\nS'\\x00\\x00\\xc0?\\x00\\x00\\x00\\xc0'\np17\ntp18\nbss."
    )
    (tmp_path / "a.pkl").write_bytes(text)
    assert read_caffe2(tmp_path / "a.pkl")["a"].tolist() == [1.5, -2.0]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no weight file"):
        read_caffe2(tmp_path / "a.pkl")
