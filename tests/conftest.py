"""Fixtures shared by all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from tests.shapes import check_shapes

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # the processes that share the tests share the cores, and those that they start must compute the same
    threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)

# here, because nothing of the package has been imported yet
if os.environ.get("CHECK_SHAPES", "1") != "0":
    check_shapes()

# the same examples in each run, so that a change is tested and not luck; --hypothesis-profile=default looks for others
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.load_profile("same")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real clips and annotation files that lie beside a checkout; the suite stands without them."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data beside the checkout (../shared/data) is not there")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _same_beginning() -> Iterator[None]:
    """Give each test the same seed, and leave as many threads as it found, on which the last digits depend."""
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    yield
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
