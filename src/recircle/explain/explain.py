"""From a run and a clip to what the network sees in it: numbers, pictures and animations."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from recircle.decode.limits import FILE_SECONDS
from recircle.decode.part import split_part
from recircle.decode.pool import DecoderPool
from recircle.errors import UserError
from recircle.evaluation.forward import pick_device
from recircle.explain.activation import ClassActivation, class_activation
from recircle.explain.animation import write_animation
from recircle.explain.figure import save
from recircle.explain.film import Film
from recircle.explain.heat import import_figure
from recircle.explain.moving import TILE, Guess, write_moving_picture
from recircle.explain.pictures import Strip, draw_activation, draw_evolution, percent
from recircle.explain.states import StateEvolution, arc_layers, choose_layers, last_of_each_stage, state_evolution
from recircle.files import make_folder
from recircle.models.base import VideoModel
from recircle.run import ModelSpec, Run
from recircle.terminal import visible
from recircle.views.cut import whole_file_views
from recircle.views.views import EvalViews


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one run's network makes of a clip.

    Attributes:
        run: its folder.
        network: its name.
        labels: the K classes.
        activation: the evidence for the class that is explained.
        states: of all its ARC layers, by name; empty where none evolves.
        frames: the view of the clip that it took, RGB.
    """

    run: Path
    network: str
    labels: tuple[str, ...]
    activation: ClassActivation
    states: dict[str, StateEvolution] = field(default_factory=dict)
    frames: UInt8[np.ndarray, "T H W 3"]

    @property
    def predicted(self) -> str:
        """The likeliest class."""
        return self.labels[self.activation.predicted]

    @property
    def target(self) -> str:
        """The class whose evidence was looked for."""
        return self.labels[self.activation.target]

    def probability(self, label: str) -> float:
        """Return the probability of a class, as `recircle predict` prints it for one clip and one crop."""
        return float(self.activation.probabilities[self.labels.index(label)])

    def prediction(self) -> str:
        """Say in one sentence what the network predicts."""
        name = self.network if self.network == self.run.name else f"{self.run.name} ({self.network})"
        return f"{name} predicts {self.predicted!r} ({percent(self.probability(self.predicted))})"

    def describe(self) -> str:
        """Say in one sentence what the network predicts, and when it sees evidence for the class asked for."""
        text = self.prediction()
        asked = "it" if self.target == self.predicted else f"{self.target!r} ({percent(self.probability(self.target))})"
        if self.activation.maps.max() > 0:
            return f"{text}; most evidence for {asked} in frame {self.activation.peak + 1} of {len(self.frames)}"
        return f"{text}; nothing in the clip speaks for {asked}"

    def guesses(self, truth: str | None, count: int = 3) -> list[Guess]:
        """Return the likeliest classes, the first of them first."""
        shares = self.activation.probabilities
        best = np.argsort(-shares, kind="stable")[:count]
        return [Guess(self.labels[k], float(shares[k]), self.labels[k] == truth) for k in best]

    def farthest(self) -> StateEvolution | None:
        """Return the layer whose states went farthest, or None where no state evolves."""
        return max(self.states.values(), key=lambda evolution: evolution.moved.max(), default=None)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What `explain` found and wrote.

    Attributes:
        clip: the file or folder of frames.
        truth: its class, as far as the name of the folder it lies in says so.
        seen: by the network that was asked for.
        against: by the one beside it, or None.
        files: the pictures and animations.
    """

    clip: Path
    truth: str | None
    seen: Seen
    against: Seen | None
    files: tuple[Path, ...]


def explain(
    run: str | Path,
    clip: str | Path,
    *,
    against: str | Path | None = None,
    layers: Sequence[str] | None = None,
    label: str | None = None,
    output: str | Path | None = None,
    device: str = "auto",
    seconds: float = FILE_SECONDS,
) -> Explanation:
    """Show what a run's network sees in a clip.

    Written are `activation.png`, the class activation maps, `activation.webp`, the same as a moving picture with the
    likeliest classes, and for ARC layers `states_<layer>.png` and .mp4. The clip goes the
    way it goes in `recircle.Recognizer`: one view in time, the centre crop.

    Args:
        run: folder of the run, or `hf:OWNER/NAME` of one that was pushed.
        clip: a video file, or a folder of frames.
        against: folder of another run, whose maps are drawn below.
        layers: ARC layers to draw, by name or by patterns such as "layer4.*"; None draws the last of each stage.
        label: the class to look for; None is the one that `run` predicts. The other network, too, is asked for it, if
            it knows the class, and otherwise for the one it predicts itself.
        output: the folder to write to; None is explained/<folder of the clip>/<clip> in the run's folder.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        seconds: after how long the clip is given up.

    Raises:
        DecodeError: the clip is not there, or cannot be decoded to its end, or not in time.
        UserError: a run, a class or a layer is unknown, there is no such device, or matplotlib is missing.
    """
    import_figure()
    clip, at = Path(clip), pick_device(device)
    given = [Run.open(folder) for folder in (run, against) if folder is not None]
    specs = [folder.load_spec() for folder in given]
    for folder, spec in zip(given, specs):
        if label is not None and label not in spec.labels:
            close = difflib.get_close_matches(label, spec.labels, n=1)
            hint = (
                f"did you mean {close[0]!r}?" if close else f"its {len(spec.labels)} classes are in {folder.spec_path}"
            )
            raise UserError(f"{folder.path} has no class {label!r}; {hint}")
    model = given[0].load_model(at)
    drawn = choose_layers(model, layers) if layers is not None else None

    decoders = DecoderPool(seconds=seconds)
    seen = _see(given[0], model, specs[0], clip, label, decoders)
    if arc_layers(model):
        seen = replace(seen, states=state_evolution(model, _normalised(seen.frames, specs[0], at)))
    beside = None
    if len(given) == 2:
        wanted = seen.target if seen.target in specs[1].labels else None
        beside = _see(given[1], given[1].load_model(at), specs[1], clip, wanted, decoders)
    film = Film.read(clip, specs[0], TILE, decoders)
    decoders.close()

    # clips of several classes may have one name
    file = split_part(clip)[0].absolute()
    place = Path(file.parent.name, file.stem + clip.name[len(file.name) :])
    folder = given[0].path / "explained" / place if output is None else Path(output)
    make_folder(folder)
    truth = _truth(clip, seen.labels)
    chosen = last_of_each_stage(seen.states) if drawn is None else [seen.states[name] for name in drawn]
    files = _draw(folder, clip, truth, film, [seen] if beside is None else [seen, beside], chosen)
    return Explanation(clip=clip, truth=truth, seen=seen, against=beside, files=tuple(files))


def _see(run: Run, model: VideoModel, spec: ModelSpec, clip: Path, label: str | None, decoders: DecoderPool) -> Seen:
    views = EvalViews(sampling=spec.sampling, preprocessing=spec.preprocessing)
    view = whole_file_views(clip, views, decoders=decoders)[0]
    frames = view.movedim(-3, -1).contiguous().numpy()
    target = None if label is None else spec.labels.index(label)
    device = next(model.parameters()).device
    return Seen(
        run=run.path,
        network=spec.model.name,
        labels=spec.labels,
        frames=frames,
        activation=class_activation(model, _normalised(frames, spec, device), target),
    )


def _normalised(
    frames: UInt8[np.ndarray, "T H W 3"], spec: ModelSpec, device: torch.device
) -> Float[Tensor, "T 3 H W"]:
    return spec.preprocessing.normalise(torch.from_numpy(frames).movedim(-1, -3).to(device))


def _truth(clip: Path, labels: Sequence[str]) -> str | None:
    """Return the class that the folder of a clip is named after, as those of an indexed folder are."""

    def plain(name: str) -> str:
        return " ".join(re.findall(r"\w+", name.replace("_", " ").casefold()))

    folder = plain(clip.absolute().parent.name)
    return next((label for label in labels if plain(label) == folder), None)


def _draw(
    folder: Path, clip: Path, truth: str | None, film: Film, seen: Sequence[Seen], layers: Sequence[StateEvolution]
) -> Iterator[Path]:
    title = visible(clip.name) + ("" if truth is None else f", in truth {truth!r}")
    strips = [Strip(frames=s.frames, activation=s.activation, title=s.describe()) for s in seen]
    yield save(draw_activation(strips, title), folder / "activation.png")
    yield write_moving_picture(film, seen[0].activation, seen[0].guesses(truth), title, folder / "activation.webp")
    for evolution in layers:
        steps = len(evolution.moved)
        about = f"{title}\nThe {steps} states of {evolution.layer}; {seen[0].prediction()}"
        name = f"states_{evolution.layer}"
        yield save(draw_evolution(evolution, seen[0].frames, about), folder / f"{name}.png")
        yield write_animation(evolution, seen[0].frames, folder / f"{name}.mp4")
