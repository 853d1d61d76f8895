"""A data set of frame folders and a network, both tiny."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image

from recircle.loading.batch import Batch
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import ModelConfig
from recircle.training.config import TrainConfig
from recircle.training.devices import accelerated
from recircle.training.optimiser import Optimiser
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling

SIZE, FRAMES = 32, 4
MakeConfig = Callable[..., TrainConfig]
MakeBatch = Callable[..., Batch]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 14 clips to train on, 4 to evaluate on, 3 classes."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(18):
        folder = root / f"clip{number:02d}"
        folder.mkdir()
        for frame in range(6):
            Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / f"{frame:05d}.png")
        rows.append(
            Clip(
                path=folder.name,
                label=f"class {number % 3}",
                split="train" if number < 14 else "val",
                frames=6,
                width=SIZE,
                height=SIZE,
            )
        )
    path = root / "manifest.csv"
    Manifest(tuple(rows), root).write(path)
    return path


@pytest.fixture(scope="session")
def config_in(clips: Path) -> Callable[[Path], TrainConfig]:
    """Return a function from an output folder to a config of two epochs of 3 steps."""
    return lambda output: TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(
            manifest=clips,
            sampling=Sampling(frames=FRAMES),
            preprocessing=Preprocessing(resize=SIZE, crop=SIZE),
            workers=0,
        ),
        output=output,
        epochs=2,
        batch_size=4,
        optimiser=Optimiser(lr=0.05),
    )


@pytest.fixture
def make_config(config_in: Callable[[Path], TrainConfig], tmp_path: Path) -> MakeConfig:
    """Return a function from changes to a config."""
    return lambda **changes: replace(config_in(tmp_path / "run"), **changes)


@pytest.fixture
def make_batch() -> MakeBatch:
    """Return a function from a number of clips to a batch of noise."""

    def make(count: int, seed: int = 0, **values: Any) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        frames = torch.randint(0, 256, (count, 1, FRAMES, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        labels = torch.randint(0, 3, (count,), generator=generator)
        return Batch(frames=frames, labels=labels, rows=torch.arange(count), **values)

    return make


@pytest.fixture
def accelerator(make_config: MakeConfig) -> Iterator[Accelerator]:
    with accelerated(make_config()) as accelerator:
        yield accelerator
