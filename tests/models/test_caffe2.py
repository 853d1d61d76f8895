import os
import pickle
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
        with pytest.raises(UserError, match=r"(is no Caffe2 file that can be read safely: it wants|the blob x, which)"):
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
    with pytest.raises(UserError, match="the blob x, which is no array of numbers"):
        read_caffe2(write(tmp_path / "a.pkl", {"blobs": {"x": value}}))


@pytest.mark.parametrize("text", [b"", b"not a pickle", PYTHON_2[:-40], PYTHON_2[:60], b"\x80\x02\x8a\xff."])
def test_broken_files(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(text)
    with pytest.raises(UserError, match=r"a\.pkl is no Caffe2 file that can be read safely"):
        read_caffe2(tmp_path / "a.pkl")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no weight file"):
        read_caffe2(tmp_path / "a.pkl")
