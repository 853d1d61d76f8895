"""`recircle train`: a recipe, a manifest and typed overrides become a run."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.cli.arguments import parser_output, take_option
from recircle.cli.console import err, out, print_lines
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.arc.config import ArcConfig
    from recircle.models.registry import ModelConfig
    from recircle.run import Run
    from recircle.training.config import TrainConfig
    from recircle.views.preprocessing import Preprocessing

PRESET = "--model.arc-preset"

USAGE = """usage: recircle train RECIPE --data MANIFEST [overrides]
       recircle train --config FILE [--data MANIFEST] --output RUN [overrides]
       recircle train --resume RUN [--data MANIFEST] [overrides]

Trains a network and leaves a run: a folder with weights, labels, config and metrics.

  RECIPE           one of the names below; `recircle train RECIPE --help` lists all that can be overridden
  --data MANIFEST  what `recircle index` wrote, or the folder it lies in
  --config FILE    instead of a recipe, all settings of another run: its config.json, or the folder it lies in
  --model.arc-preset paper|published|light|temporal
                   all of --model.arc.* at once: the layer as the paper states it, as its authors' scripts run it, the
                   cheapest that keeps its gain, or attention over time alone; single options after it change that
  --resume RUN     go on with an interrupted run exactly where its last checkpoint is; only what does not change the
                   steps already done can be overridden, such as --epochs
  --continue       with a RECIPE or --config: go on with the run that is in the output already, or start it; for jobs
                   that a scheduler puts back into its queue

`torchrun` starts it on several GPUs or machines, see docs/operations.md.

recipes: """


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    with _alongside():
        start = _plan(arguments)
    return _told(start())


def _alongside() -> AbstractContextManager[None]:
    """Return what lets all processes stop in which the command cannot start, where there are several."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return nullcontext()
    from recircle.training.devices import join
    from recircle.training.together import together

    join()
    return together()


def _plan(arguments: Sequence[str]) -> "Callable[[], Run]":
    """Return what is to be done; nothing is written yet."""
    resume, rest = take_option(arguments, "--resume")
    data, rest = take_option(rest, "--data")
    settings, rest = take_option(rest, "--config")
    goes_on, rest = "--continue" in rest, [word for word in rest if word != "--continue"]
    for option, place in (("--resume", resume), ("--config", settings)):
        if place is not None and place.startswith("hf:"):
            raise UserError(
                f"{option} {place}: the hub has a run's network and not its training; start from its weights by "
                f"--model.pretrained {place}"
            )
    if resume is not None and settings is not None:
        raise UserError("--resume goes on with the settings of its run; leave out --config")
    if resume is not None and goes_on:
        raise UserError(
            "--resume goes on with a run that is there, and --continue with one that may be; give one of them"
        )
    if resume is not None:
        return _resume(Path(resume), data, rest)
    if settings is not None:
        return _train_like(Path(settings), data, rest, goes_on=goes_on)
    if not rest or rest[0] in ("-h", "--help"):
        from recircle.recipes.registry import list_recipes

        print_lines(USAGE + ", ".join(list_recipes()))
        raise SystemExit(0 if rest else 2)
    if rest[0].startswith("-"):
        raise UserError(f"the name of a recipe comes first, not {rest[0]}; `recircle recipes` lists them")
    return _train(rest[0], data, rest[1:], goes_on=goes_on)


def _train(name: str, data: str | None, overrides: list[str], *, goes_on: bool) -> "Callable[[], Run]":
    from recircle.api.train import train_recipe
    from recircle.manifest.find import find_manifest
    from recircle.recipes.registry import get_recipe

    recipe = get_recipe(name)
    helping = "-h" in overrides or "--help" in overrides
    if data is None and not helping:
        raise UserError(f"recipe {name} needs its clips: --data MANIFEST, which `recircle index FOLDER` writes")
    config = recipe(Path("MANIFEST.csv") if data is None else find_manifest(Path(data)))
    config = parse_config(config, overrides, f"{name} --data MANIFEST", recipe.description)
    return partial(train_recipe, recipe, config, resume=goes_on and _begun(config))


def _train_like(path: Path, data: str | None, overrides: list[str], *, goes_on: bool) -> "Callable[[], Run]":
    """Train with the settings of a file, which may be a stranger's."""
    from recircle.config import read_json
    from recircle.manifest.find import find_manifest
    from recircle.run import Run
    from recircle.training.config import TrainConfig
    from recircle.training.loop import train

    if overrides and not overrides[0].startswith("-"):
        raise UserError(f"--config {path} takes the place of a recipe; leave out {overrides[0]}")
    file = Run(path).config_path if path.is_dir() else path
    config = read_json(TrainConfig, file)
    if data is not None:
        config = replace(config, data=replace(config.data, manifest=find_manifest(Path(data))))
    config = parse_config(config, overrides, f"--config {path}", f"Train with the settings of {file}.")
    _tell_places(file, config)
    return partial(train, config, resume=goes_on and _begun(config))


def _begun(config: "TrainConfig") -> bool:
    from recircle.run import Run

    return Run(config.output).config_path.exists()


def parse_config(
    config: "TrainConfig", overrides: Sequence[str], command: str = "", description: str = ""
) -> "TrainConfig":
    """Return a config with the overrides of a command line; the command and its description are for the help."""
    from recircle.api.train import build_on_meta
    from recircle.models.hosts.source import is_host
    from recircle.recipes.hosts import on_host

    name = take_option(overrides, "--model.name")[0]
    if name is not None and is_host(name) and name != config.model.name:
        config = on_host(config, name)
    preset, overrides = take_option(overrides, PRESET)
    if preset is not None:
        config = _with_preset(config, preset, name or config.model.name)
    parsed = _parse(_spelt_out(config, overrides), overrides, command, description)
    build_on_meta(parsed.model)
    return parsed


def _with_preset(config: "TrainConfig", preset: str, name: str) -> "TrainConfig":
    from recircle.arc.config import ArcConfig
    from recircle.models.registry import model_options

    if "arc" not in model_options(name):
        raise UserError(f"{PRESET} {preset}: {name} has no ARC layers; `recircle models 'arc_*'` lists those that have")
    try:
        arc = ArcConfig.preset(preset)
    except ValueError as problem:
        raise UserError(f"{PRESET}: {problem}") from None
    return replace(config, model=_with_arc(config.model, name, arc))


def _with_arc(model: "ModelConfig", name: str, arc: "ArcConfig") -> "ModelConfig":
    """Return a network with ARC layers of a variant, or of the nearest that a network of another library can have."""
    from recircle.models.hosts.families import suited_arc

    model = replace(model, name=name, arc=arc)
    if model.host is None or model.host.library != "transformers":
        return model
    suited = suited_arc(model.host.network, arc)
    if suited != arc:
        err.print(f"{name}: ARC pools over all tokens of a clip, --model.arc.aggregation ST; see docs/hosts.md")
    return replace(model, arc=suited)


def _parse(config: "TrainConfig", overrides: Sequence[str], command: str = "", description: str = "") -> "TrainConfig":
    import tyro

    from recircle.training.config import TrainConfig

    # a field that may be None or a config has the kind of its default, and does not become a subcommand
    with parser_output():
        return tyro.cli(
            tyro.conf.AvoidSubcommands[TrainConfig],
            default=config,
            prog=f"recircle train {command}",
            description=description,
            args=list(overrides),
        )


def _spelt_out(config: "TrainConfig", overrides: Sequence[str]) -> "TrainConfig":
    """Return the config with what it leaves to the model filled in, where the overrides (or a --help) reach into it."""
    from recircle.arc.config import ArcConfig
    from recircle.models.registry import model_options

    def reached(prefix: str) -> bool:
        return any(word.startswith((prefix, "--help")) or word == "-h" for word in overrides)

    name = take_option(overrides, "--model.name")[0] or config.model.name
    if config.model.arc is None and "arc" in model_options(name) and reached("--model.arc."):
        config = replace(config, model=_with_arc(config.model, name, ArcConfig.paper()))
    if config.data.preprocessing is None and reached("--data.preprocessing."):
        config = replace(config, data=replace(config.data, preprocessing=_wanted(config, name, overrides)))
    return config


def _wanted(config: "TrainConfig", name: str, overrides: Sequence[str]) -> "Preprocessing":
    """Return the preprocessing that a network wants; what it is built with may be among the overrides."""
    from recircle.api.train import build_on_meta
    from recircle.models.registry import needed_options
    from recircle.views.preprocessing import Preprocessing

    model = replace(config.model, name=name)
    if needed_options(name):
        if {"-h", "--help"} & {*overrides}:
            return Preprocessing()
        anything = replace(config, data=replace(config.data, preprocessing=Preprocessing()))
        model = _parse(anything, overrides).model
    return build_on_meta(model).preprocessing


def _resume(path: Path, data: str | None, overrides: list[str]) -> "Callable[[], Run]":
    from recircle.manifest.find import find_manifest
    from recircle.run import Run
    from recircle.training.config import TrainConfig
    from recircle.training.loop import train

    run = Run(path)
    if not run.config_path.is_file():
        raise UserError(f"{path} has no config.json, so it is not a run; give the folder that `recircle train` wrote")
    config = run.load_config(TrainConfig)
    given = [f"a network, {config.model.name}"] if config.model.given is not None else []
    given += [f"a Dataset, {config.data.dataset}"] if config.data.dataset else []
    if given:
        raise UserError(
            f"{path} was trained from Python on {' and '.join(given)}, which no command has: go on from there, by "
            f"recircle.train(model, data, output={str(path)!r}, resume=True)"
        )
    if data is not None:
        config = replace(config, data=replace(config.data, manifest=find_manifest(Path(data))))
    config = parse_config(config, overrides, f"--resume {path}", "Go on with a run.")
    _tell_places(run.config_path, config)
    # the folder may have been moved since
    return partial(train, replace(config, output=path), resume=True)


def _tell_places(file: Path, config: "TrainConfig") -> None:
    """Say what a config, which may be a stranger's, reads and writes outside of its run, before that is done."""
    from recircle.models.weights.table import is_name

    pretrained = config.model.pretrained
    places = (
        ("clips are read from", config.data.manifest, "--data"),
        ("decoded frames are kept in", config.data.cache, "--data.cache"),
        ("weights are read from", None if is_name(pretrained or "") else pretrained, "--model.pretrained"),
    )
    if os.environ.get("RANK", "0") != "0":
        return
    for what, place, option in places:
        if place is not None:
            err.print(f"{file}: {what} {place} ({option})")


def _told(run: "Run") -> int:
    # torchrun starts this command once for each process
    if os.environ.get("RANK", "0") != "0":
        return 0
    out.print(f"run: {run.path}")
    out.print(f"next: recircle eval {run.path}    recircle predict {run.path} FILES...")
    return 0
