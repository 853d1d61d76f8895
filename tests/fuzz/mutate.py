"""Seeded damage to clips: what bad disks, cut downloads and people who mean harm leave behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate_clip(seed: Path, others: list[Path], target: Path, rng: Rng) -> Path:
    """Write a damaged copy of a clip, a video or a folder of frames, and return its path.

    Args:
        seed: the sound clip.
        others: sound clips, parts of which may be put into the copy.
        target: where the copy goes.
        rng: of all choices.
    """
    if seed.is_file():
        target.write_bytes(_mutate(seed.read_bytes(), _donor(others, rng), rng))
        return target
    shutil.copytree(seed, target)
    frames = sorted(target.iterdir())
    for _ in range(rng.integers(1, 3)):
        frame = frames[rng.integers(len(frames))]
        frame.write_bytes(_mutate(frame.read_bytes(), _donor(others, rng), rng))
    return target


def _donor(others: list[Path], rng: Rng) -> bytes:
    path = others[rng.integers(len(others))]
    if path.is_dir():
        path = sorted(path.iterdir())[0]
    return path.read_bytes()


def _mutate(data: bytes, donor: bytes, rng: Rng) -> bytes:
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        data = _KINDS[rng.integers(len(_KINDS))](data, donor, rng)
    return data


def _flip_bits(data: bytes, donor: bytes, rng: Rng) -> bytes:
    values = np.frombuffer(data, np.uint8).copy()
    if values.size:
        places = rng.integers(values.size, size=int(rng.integers(1, 40)))
        values[places] ^= (1 << rng.integers(8, size=places.size)).astype(np.uint8)
    return values.tobytes()


def _flip_bits_of_the_header(data: bytes, donor: bytes, rng: Rng) -> bytes:
    return _flip_bits(data[:200], donor, rng) + data[200:]


def _overwrite_number(data: bytes, donor: bytes, rng: Rng) -> bytes:
    """Put an extreme 32-bit number somewhere, most often near the start, where headers are."""
    place = int(rng.integers(max(1, min(len(data), int(rng.choice([64, 512, len(data) + 1]))))))
    value = int(rng.choice(_EXTREMES)).to_bytes(4, "big" if rng.integers(2) else "little")
    return data[:place] + value + data[place + 4 :]


def _cut_off(data: bytes, donor: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _cut_out(data: bytes, donor: bytes, rng: Rng) -> bytes:
    start, stop = sorted(rng.integers(len(data) + 1, size=2).tolist())
    return data[:start] + data[stop:]


def _repeat(data: bytes, donor: bytes, rng: Rng) -> bytes:
    start, stop = sorted(rng.integers(len(data) + 1, size=2).tolist())
    return data[:stop] + data[start:stop] * int(rng.integers(1, 4)) + data[stop:]


def _insert_noise(data: bytes, donor: bytes, rng: Rng) -> bytes:
    place = int(rng.integers(len(data) + 1))
    return data[:place] + rng.bytes(int(rng.integers(1, 3000))) + data[place:]


def _zero_block(data: bytes, donor: bytes, rng: Rng) -> bytes:
    start, stop = sorted(rng.integers(len(data) + 1, size=2).tolist())
    return data[:start] + bytes(stop - start) + data[stop:]


def _splice(data: bytes, donor: bytes, rng: Rng) -> bytes:
    """Go on with another file, of whatever kind, from some place on."""
    return data[: int(rng.integers(len(data) + 1))] + donor[int(rng.integers(len(donor) + 1)) :]


def _replace(data: bytes, donor: bytes, rng: Rng) -> bytes:
    """Put another kind of file under this name."""
    return donor


_KINDS: tuple[Callable[[bytes, bytes, Rng], bytes], ...] = (
    _flip_bits,
    _flip_bits,
    _flip_bits_of_the_header,
    _overwrite_number,
    _overwrite_number,
    _cut_off,
    _cut_out,
    _repeat,
    _insert_noise,
    _zero_block,
    _splice,
    _replace,
)
