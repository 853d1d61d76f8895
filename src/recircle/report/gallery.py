"""The clips that a network is wrong about and most sure of, with a few of their frames."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from recircle.decode.frames import DecodeError, resize_images
from recircle.decode.part import split_part
from recircle.decode.pool import DecoderPool
from recircle.decode.resize import Resize, resize_frames
from recircle.errors import UserError
from recircle.evaluation.metrics import in_top_k
from recircle.evaluation.predictions import Predictions
from recircle.manifest.manifest import Clip, Manifest
from recircle.manifest.outside import leads_out
from recircle.report.markup import Html, count, element, note, percent, section
from recircle.views.sampling import Sampling

FRAMES = 8
LONGEST = 160
"""Pixels of the longer side of a frame."""

QUALITY = 72

_OUTSIDE = "it lies outside of its manifest's folder; --data MANIFEST shows it all the same"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A clip that a network is wrong about.

    Attributes:
        path: as in the predictions.
        true: its class.
        predicted: the class that scores best.
        confidence: the score of that.
        score: of the true class.
    """

    path: str
    true: str
    predicted: str
    confidence: float
    score: float


@dataclass(frozen=True, kw_only=True)
class FrameStrip:
    """A few frames of a clip, side by side in one picture.

    Attributes:
        jpeg: the picture.
        frames: how many.
        width: of a frame, in pixels.
        height: likewise.
        pitch: pixels from one frame to the next, `width` or a little more.
    """

    jpeg: bytes
    frames: int
    width: int
    height: int
    pitch: int


def find_failures(predictions: Predictions, most: int = 12) -> list[Failure]:
    """Return the labelled clips that are wrong, the surest first; clips with scores that are not numbers are not."""
    known = predictions.measurable()
    scores = known.scores()
    wrong = ~in_top_k(scores, known.labels, 1) & np.isfinite(scores).all(1)
    confidence = np.where(wrong, scores.max(1, initial=0), -1.0)
    rows = [int(row) for row in np.argsort(-confidence, kind="stable")[:most] if wrong[row]]
    return [
        Failure(
            path=known.paths[row],
            true=known.classes[known.labels[row]],
            predicted=known.classes[int(scores[row].argmax())],
            confidence=float(scores[row].max()),
            score=float(scores[row, known.labels[row]]),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Place:
    """Where a clip lies.

    Attributes:
        path: of the file or folder, with the part of it that the clip is.
        clip: its row of the manifest.
        outside: whether its path leads out of the manifest's folder.
    """

    path: Path
    clip: Clip
    outside: bool


def find_clips(failures: Sequence[Failure], manifests: Sequence[Path]) -> tuple[dict[str, Place], str]:
    """Return where the clips of failures lie, by their paths, and why some are not found, in words.

    Args:
        failures: the clips.
        manifests: files that may list them; the first that is there and lists any is taken.
    """
    paths = {failure.path for failure in failures}
    reasons: list[str] = []
    for file in dict.fromkeys(manifests):
        if not file.is_file():
            reasons.append(f"{file} is not there; --data gives its new place")
            continue
        try:
            manifest = Manifest.read(file)
        except UserError as error:
            reasons.append(str(error))
            continue
        found = {
            clip.name: Place(manifest.address(clip), clip, leads_out(clip.path, manifest.root))
            for clip in manifest.clips
            if clip.name in paths
        }
        if found:
            missing = len(paths) - len(found)
            return found, f"{count(missing, 'clip')} of them not in {file}" if missing else ""
        reasons.append(f"{file} lists none of these clips")
    return {}, "; ".join(reasons) or "no manifest is known"


def read_strip(path: Path, clip: Clip, decoders: DecoderPool) -> FrameStrip:
    """Decode a few frames, evenly spread over a clip.

    Args:
        path: where the clip lies.
        clip: its row of the manifest.
        decoders: the processes that decode.

    Raises:
        DecodeError: the clip is not there, or cannot be decoded.
    """
    if not split_part(path)[0].exists():
        raise DecodeError(path, "is not there now")
    if not clip.frames:
        raise DecodeError(path, "the manifest does not know how many frames it has; `recircle index` counts them")
    indices = Sampling(frames=min(FRAMES, clip.frames)).test(clip.frame_times, 1)[0]
    # of clips whose size the manifest does not have, the shorter side is known only
    size = _fit(clip.height, clip.width) if clip.height and clip.width else LONGEST
    with decoders.select(path, indices.tolist()) as images:
        frames = resize_images(images, len(indices), Resize(size))
    frames = resize_frames(frames, _fit(frames.shape[-2], frames.shape[-1]))
    return pack(frames)


def pack(frames: UInt8[Tensor, "T 3 H W"]) -> FrameStrip:
    """Put frames side by side in one JPEG, each filled up to whole blocks, so that none shows in its neighbour."""
    count_, _, height, width = frames.shape
    pitch = -(-width // 8) * 8
    padded = np.pad(frames.permute(0, 2, 3, 1).numpy(), ((0, 0), (0, 0), (0, pitch - width), (0, 0)), mode="edge")
    strip = padded.transpose(1, 0, 2, 3).reshape(height, count_ * pitch, 3)
    file = io.BytesIO()
    Image.fromarray(strip).save(file, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return FrameStrip(jpeg=file.getvalue(), frames=count_, width=width, height=height, pitch=pitch)


def read_strips(found: dict[str, Place]) -> dict[str, FrameStrip | str]:
    """Return the strip of each clip by its path, or why there is none."""
    strips: dict[str, FrameStrip | str] = {}
    with DecoderPool() as decoders:
        for name, place in found.items():
            try:
                strips[name] = read_strip(place.path, place.clip, decoders)
            except DecodeError as error:
                strips[name] = error.reason
    return strips


def find_gallery(
    predictions: Predictions, manifests: Sequence[Path], clips: int | None, *, only_inside: bool = True
) -> tuple[list[Failure], dict[str, FrameStrip | str] | None, str]:
    """Return the clips that are most confidently wrong, their frames, and why frames are missing, in words.

    Args:
        predictions: of the run.
        manifests: files that may say where the clips lie.
        clips: how many; None takes some and reads no frames.
        only_inside: read no frames of clips that lie outside of their manifest's folder.
    """
    if clips is None:
        return find_failures(predictions), None, ""
    failures = find_failures(predictions, clips)
    found, why = find_clips(failures, manifests)
    hidden = {name for name, place in found.items() if only_inside and place.outside}
    strips = read_strips({name: place for name, place in found.items() if name not in hidden})
    return failures, strips | dict.fromkeys(hidden, _OUTSIDE), why


def gallery_section(
    failures: Sequence[Failure], strips: dict[str, FrameStrip | str] | None, why: str, key: str
) -> Html:
    """Return the section of the clips that are most confidently wrong.

    Args:
        failures: the clips, the surest first.
        strips: their frames, or why there are none; None shows no frames at all.
        why: why clips are missing in `strips`, in words.
        key: of the run.
    """
    title = "Most confidently wrong"
    if not failures:
        return section(3, title, element("p", "No clip is wrong."), id=f"{key}-gallery")
    parts: list[Html] = []
    if strips is not None:
        without = [failure for failure in failures if not isinstance(strips.get(failure.path), FrameStrip)]
        if without:
            reason = f": {why}" if why else ""
            words = f"{count(len(without), 'clip')} of {len(failures)} cannot be shown now{reason}."
            parts.append(note(words))
        if len(without) < len(failures):
            parts.append(element("button", "Play all", type="button", class_="play-all", hidden=True))
    cards = [_card(failure, strips) for failure in failures]
    return section(3, title, *parts, element("ol", *cards, class_="gallery"), id=f"{key}-gallery")


def _card(failure: Failure, strips: dict[str, FrameStrip | str] | None) -> Html:
    words = element(
        "dl",
        *(element("dt", "predicted"), element("dd", failure.predicted, " ", element("b", percent(failure.confidence)))),
        *(element("dt", "true"), element("dd", failure.true, " ", element("b", percent(failure.score)))),
        *(element("dt", "clip"), element("dd", failure.path, class_="path")),
    )
    strip = None if strips is None else strips.get(failure.path, "it is not found")
    if strip is None:
        return element("li", words)
    if isinstance(strip, str):
        return element("li", element("p", f"No frames: {strip}.", class_="no-animation"), words)
    alt = f"{count(strip.frames, 'frame')} of {failure.path}, {failure.true} taken for {failure.predicted}"
    return element("li", player(strip, failure.path, alt), words)


def player(strip: FrameStrip, name: str, alt: str) -> Html:
    """Return the frames of a clip, which a script shows one after the other.

    Args:
        strip: the frames.
        name: of the clip.
        alt: what is said in the place of the picture.
    """
    source = "data:image/jpeg;base64," + base64.b64encode(strip.jpeg).decode()
    image = element(
        "img",
        src=Html(source),
        alt=alt,
        width=strip.pitch * strip.frames,
        height=strip.height,
        style=f"width:{100 * strip.pitch * strip.frames / strip.width:.3f}%",
        decoding="async",
    )
    shape = f"{strip.width}/{strip.height}"
    box = element("div", image, class_="animation", style=f"aspect-ratio:{shape};max-width:calc(18rem*{shape})")
    controls = element(
        "div",
        element("button", "Play", type="button", class_="play", aria_label=f"Play {name}"),
        element(
            "input",
            type="range",
            min=0,
            max=strip.frames - 1,
            value=0,
            aria_label=f"frame of {name}",
            autocomplete="off",
        ),
        class_="controls",
        hidden=True,
    )
    return element("div", box, controls if strip.frames > 1 else None, class_="player", data_frames=strip.frames)


def _fit(height: int, width: int) -> tuple[int, int]:
    """Return (height, width) with the longer side of `LONGEST` pixels; small frames stay as they are."""
    scale = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
