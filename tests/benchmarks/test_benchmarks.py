"""The benchmarks of networks, from the command line to the JSON file, at tiny sizes; no time is asserted."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks import arc_cost, arc_forms, arc_sweep, devices, engines, floors, machine, networks, online, throughput
from benchmarks.memory import kept_bytes, peak_bytes
from benchmarks.networks import CLASSES, build, prepare_for_training, random_clips
from recircle import UserError, list_models
from recircle.arc.config import ArcConfig
from recircle.loading.config import DataConfig
from recircle.training.config import TrainConfig
from tests.small_run import SPEC, write_clips, write_run

TINY = ["--width", "8", "--frames", "2", "--size", "32", "--rounds", "2"]
CPU = torch.device("cpu")
PAIR = ["--larger", "none", "--steps", "2", "4", "--batch", "1"]


@pytest.fixture(autouse=True)
def _small_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.PEAK_SIZE, "cpu", 64)


def cost(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    output = tmp_path / "figures.json"
    arc_cost.main([*TINY, *arguments, "--output", str(output)])
    return json.loads(output.read_text())


def check_times(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert 0 < row["ms_lower"] <= row["ms"] <= row["ms_upper"]
        same = ("threads", "batch", "form")
        host = next(r for r in rows if all(r[key] == row[key] for key in same) and r["role"] == "host")
        assert row["ratio"] == row["ms"] / host["ms"]
        assert row["gmacs_ratio"] == row["gmacs"] / host["gmacs"]


def test_frames_need_not_be_square(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = cost(
        tmp_path, "--only", "inference", "--larger", "none", "--steps", "2", "--batch", "1", "--size", "16", "48"
    )
    assert found["settings"]["size"] == [16, 48]
    assert "2 frames of 16 x 48 px" in capsys.readouterr().out
    square = cost(tmp_path, "--only", "inference", "--larger", "none", "--steps", "2", "--batch", "1", "--size", "48")
    assert found["inference"][0]["gmacs"] < square["inference"][0]["gmacs"]
    with pytest.raises(SystemExit):
        cost(tmp_path, "--size", "1", "2", "3")


def test_inference_is_measured_for_each_batch_network_and_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = cost(tmp_path, "--only", "inference", "--larger", "tsm_resnet34", "--steps", "4", "2", "--batch", "2", "1")
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["machine"]["peak_gmacs_per_s"] > 0
    assert found["settings"]["steps"] == [2, 4]
    assert "training" not in found
    assert "memory" not in found
    rows = found["inference"]
    check_times(rows)
    networks = [
        ("host", "tsm_resnet18", None),
        ("arc", "arc_tsm_resnet18", 2),
        ("arc", "arc_tsm_resnet18", 4),
        ("larger", "tsm_resnet34", None),
    ]
    as_it_is = [row for row in rows if row["form"] == "as it is"]
    assert [(row["batch"], row["role"], row["model"], row["steps"]) for row in as_it_is] == [
        (batch, *network) for batch in (2, 1) for network in networks
    ]
    assert len(rows) == 2 * len(as_it_is)
    assert {row["form"] for row in rows} == {"as it is", "prepared"}
    assert "GMACs / host's" in capsys.readouterr().out


def test_compiled_networks_are_measured_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "compile", lambda model, **options: seen.append(options) or model)
    rows = cost(tmp_path, "--only", "inference", "--compile", *PAIR)["inference"]
    check_times(rows)
    assert [row["steps"] for row in rows if row["form"] == "compiled"] == [None, 2, 4]
    assert len(seen) == 3


def test_files_of_machine_code_are_measured_with_each_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    seen: list[tuple[int, torch.dtype, tuple[int, ...]]] = []

    def load(_: Path) -> Any:
        return lambda frames: seen.append((torch.get_num_threads(), frames.dtype, tuple(frames.shape)))

    monkeypatch.setattr(arc_cost, "capture", lambda network: network)
    monkeypatch.setattr(arc_cost.compiled_program, "write", lambda _network, _texts, path: written.append(path))
    monkeypatch.setattr(arc_cost.compiled_program, "load", load)
    before = torch.get_num_threads()
    rows = cost(tmp_path, "--only", "inference", "--aot", "--threads", "1", "2", *PAIR)["inference"]
    check_times(rows)
    ahead = [row for row in rows if row["form"] == "ahead of time"]
    assert [(row["threads"], row["steps"]) for row in ahead] == [(n, steps) for n in (1, 2) for steps in (None, 2, 4)]
    assert len(written) == 3
    assert set(seen) == {(n, torch.uint8, (1, 2, 3, 32, 32)) for n in (1, 2)}
    assert torch.get_num_threads() == before


def test_a_machine_that_cannot_compile_is_named_as_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("there is no C++ compiler")

    compile_with: Any = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model, **options: compile_with(model, backend=backend, **options))
    with pytest.raises(UserError, match=r"tsm_resnet18 cannot be compiled here: .*\n?.*no C\+\+ compiler"):
        cost(tmp_path, "--only", "inference", "--compile", *PAIR)


def test_training_is_measured_for_each_number_of_steps(tmp_path: Path) -> None:
    found = cost(tmp_path, "--only", "training", *PAIR, "--train-batch", "3", "--dtype", "bf16")
    rows = found["training"]
    check_times(rows)
    assert [(row["batch"], row["steps"]) for row in rows] == [(3, None), (3, 2), (3, 4)]
    assert "inference" not in found


@pytest.mark.slow
def test_variants_are_measured_beside_one_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = cost(tmp_path, "--preset", "light", "paper", "--larger", "none", "--steps", "2", "--batch", "1")
    for part in ("inference", "training", "memory"):
        rows = [row for row in found[part] if row.get("form", "as it is") == "as it is"]
        assert [(row["steps"], row["preset"]) for row in rows if row["role"] == "arc"] == [(2, "light"), (2, "paper")]
    light, paper = (row["gmacs_ratio"] for row in found["training"][1:])
    assert 1 < light < 1.05 < paper
    assert "arc_tsm_resnet18, light, n = 2" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        arc_cost.main(["--preset", "light", "paper", "--plot", str(tmp_path / "cost.png")])


def test_half_of_the_recursion_costs_less(tmp_path: Path) -> None:
    whole, half = (
        cost(tmp_path, "--only", "inference", "--steps", "2", *more)["inference"]
        for more in ([], ["--without", "fusion"])
    )
    assert [row["steps"] for row in half] == [row["steps"] for row in whole]
    for one, other in zip(whole, half):
        if one["role"] == "arc":
            assert one["gmacs"] > other["gmacs"]
        else:
            assert one["gmacs"] == other["gmacs"]


def test_memory_and_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([1000, 1500, None])
    monkeypatch.setattr(arc_cost, "peak_bytes", lambda *_, **__: next(peaks))
    picture = tmp_path / "cost.png"
    found = cost(tmp_path, "--only", "memory", *PAIR, "--plot", str(picture))
    rows = found["memory"]
    assert [row["steps"] for row in rows] == [None, 2, 4]
    assert [row["peak_ratio"] for row in rows] == [1, 1.5, None]
    kept = [row["kept_bytes"] for row in rows]
    assert min(kept) > 0
    assert [row["kept_ratio"] for row in rows] == [bytes_ / kept[0] for bytes_ in kept]
    assert found["kept_growth"] == {"from": 2, "to": 4, "ratio": kept[2] / kept[1]}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_the_peak_of_a_step_holds_what_is_kept_for_the_backward_pass() -> None:
    network = prepare_for_training(build("tsm_resnet18", width=8), CPU)
    kept = kept_bytes(network, random_clips(4, 8, 64, CPU))
    shape: dict[str, Any] = {"arc": None, "width": 8, "batch": 4, "frames": 8, "size": 64}
    peak = peak_bytes("tsm_resnet18", **shape, device=CPU, dtype=torch.float32)
    assert peak is not None
    # freed memory that the process still has may serve for a part
    assert 0.8 * kept < peak < 20 * kept


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18"])
def test_what_is_kept_is_what_the_allocator_does_not_get_back(name: str) -> None:
    network, clips = prepare_for_training(build(name, width=8), CPU), random_clips(2, 2, 32, CPU)
    kept = kept_bytes(network, clips)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        output = network(clips)
    allocated = sum(event.self_cpu_memory_usage for event in profiler.key_averages())
    assert kept == allocated - output.untyped_storage().nbytes() > 0


class Halves(nn.Module):
    """Keeps exp(x) and, where it is held, exp(x) + 1; views and what is written in place add nothing."""

    def __init__(self, hold: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1, 1))
        self.hold = hold
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, clips: Tensor) -> Tensor:
        self.seen += 1
        y = (clips * self.weight).exp()
        z = y.transpose(0, 1).transpose(0, 1) + 1
        # an object that autograd holds, not a saved tensor
        return _Sum.apply(y, z if self.hold else None)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, held: Tensor | None) -> Tensor:
        ctx.held = [held]
        return y.sum((1, 2, 3, 4))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise AssertionError("memory is measured without a backward pass")


@pytest.mark.parametrize("hold", [False, True])
def test_what_autograd_holds_is_counted_and_nothing_else(hold: bool) -> None:
    clips = random_clips(2, 3, 4, CPU)
    size = clips.untyped_storage().nbytes()
    assert kept_bytes(Halves(hold), clips) == size * (2 if hold else 1)


def test_throughput_gives_the_fraction_of_the_peak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "figures.json"
    patterns = ["tsm_resnet18", "ts?_resnet18"]
    throughput.main([*TINY, "--batch", "2", "--models", *patterns, "--output", str(output)])
    found = json.loads(output.read_text())
    assert [row["model"] for row in found["rows"]] == ["tsm_resnet18", "tsn_resnet18"]
    peak = found["machine"]["peak_gmacs_per_s"]
    for row in found["rows"]:
        assert math.isclose(row["clips_per_s"], 2 / (row["ms"] / 1e3))
        assert math.isclose(row["peak_fraction"], row["gmacs"] * row["clips_per_s"] / peak)
    assert "of the peak" in capsys.readouterr().out


@pytest.mark.slow
def test_engines_are_compared_with_the_host_in_the_same_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "figures.json"
    files = ["--folder", str(tmp_path / "files"), "--model", "tsm_resnet18", "--host", "tsn_resnet18"]
    arguments = [*TINY, *files, "--engines", "onnxruntime", "onnxruntime-int8"]
    engines.main([*arguments, "--output", str(output)])
    rows = json.loads(output.read_text())["rows"]
    for row in rows:
        host = next(r for r in rows if r["engine"] == row["engine"] and r["model"] == "tsn_resnet18")
        assert row["ratio"] == pytest.approx(row["ms"] / host["ms"])
    assert len(rows) == 4
    assert "minima of 2 rounds" in capsys.readouterr().out
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "files").iterdir()}
    assert len(written) == 4
    engines.main([*arguments, "--engines", "onnxruntime"])
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "files").iterdir()} == written


def test_an_engine_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r'openvino does not load .*: pip install "recircle\[openvino\]"'):
        engines.load("openvino", tmp_path / "model.onnx", np.zeros(1))


def test_each_form_is_measured_where_it_is_the_one_that_computes(tmp_path: Path) -> None:
    output = tmp_path / "forms.json"
    arc_forms.main([*TINY, "--steps", "2", "--output", str(output)])
    rows = json.loads(output.read_text())["rows"]
    assert [(row["preset"], row["what"], row["form"]) for row in rows] == [
        ("paper", "inference, prepared", "general"),
        ("paper", "inference, prepared", "in place"),
        ("light", "inference, prepared", "general"),
        ("light", "inference, prepared", "in place"),
        ("light", "inference, prepared", "short steps"),
        ("temporal", "inference, prepared", "general"),
        ("temporal", "inference, prepared", "in place"),
        ("temporal", "inference, prepared", "short steps"),
        ("temporal", "inference, prepared", "sum of convolutions"),
        ("paper", "a training step", "general"),
        ("paper", "a training step", "recomputed"),
        ("light", "a training step", "general"),
        ("light", "a training step", "recomputed"),
        ("light", "a training step", "attention only"),
        ("temporal", "a training step", "general"),
        ("temporal", "a training step", "recomputed"),
        ("temporal", "a training step", "attention only"),
    ]
    assert all(row["ratio"] == 1 for row in rows if row["form"] == "general")


def test_the_forms_that_are_named_are_those_that_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = {
        "general": (arc_forms.functional, "recurse"),
        "in place": (arc_forms.functional, "forward_in_place"),
        "short steps": (arc_forms.functional, "forward_short_steps"),
        "recomputed": (arc_forms.functional, "forward_recomputed"),
        "attention only": (arc_forms.functional, "forward_attention_only"),
        "sum of convolutions": (arc_forms.module, "forward_frames"),
    }
    used: set[str] = set()

    def noting(form: str, function: Any) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            used.add(form)
            return function(*args, **options)

        return run

    for form, (place, name) in functions.items():
        monkeypatch.setattr(place, name, noting(form, getattr(place, name)))
    options = arc_forms.parse(TINY)
    for (preset, training), forms in arc_forms.CASES.items():
        for form, off in forms:
            used.clear()
            arc_forms._run(preset, 2, off, options, training=training)()
            assert used == {form}


def test_by_default_every_network_is_measured() -> None:
    assert throughput.find_models(throughput.parse([]).models) == list_models()


def test_rounds_interleave_in_both_orders_and_the_first_does_not_count() -> None:
    called: list[str] = []
    runs = {name: lambda name=name: called.append(name) for name in "abc"}
    timings = machine.interleave(runs, 3, CPU)
    assert "".join(called) == "cba" + "abc" + "cba" + "abc"
    assert list(timings) == ["a", "b", "c"]


def test_networks_get_what_training_gives_them() -> None:
    clips = random_clips(2, 3, 16, CPU)
    assert clips.shape == (2, 3, 3, 16, 16)
    assert clips.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    assert build("arc_tsn_resnet18", arc=ArcConfig.paper(steps=2), width=8).num_classes == CLASSES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "tsm_resnet18"], "no ARC layers"),
        (["--model", "arc_tsm_resnet19"], "no network is called"),
        (["--host", "resnet"], "no network is called"),
        (["--steps", "3"], "is not converted: steps=3"),
        (["--output", "nowhere/figures.json"], "folder nowhere is not there"),
        (["--plot", "figure.word"], "cannot be drawn"),
    ],
)
def test_arc_cost_says_what_is_wrong_before_it_measures(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(arc_cost, "matmul_peak", lambda *_: pytest.fail("measures"))
    with pytest.raises(UserError, match=message):
        arc_cost.main([*TINY, *arguments])


@pytest.mark.parametrize("module", [arc_cost, throughput])
@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--dtype", "fp8"], ["--batch", "-1"]])
def test_wrong_numbers_end_with_2(module: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        module.main(arguments)
    assert "error:" in capsys.readouterr().err


def test_a_training_step_of_a_single_frame_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        arc_cost.main(["--train-batch", "1", "--frames", "1"])
    assert "two frames or more" in capsys.readouterr().err


def test_throughput_says_which_pattern_matches_nothing() -> None:
    with pytest.raises(UserError, match="'c3d_\\*'"):
        throughput.main(["--models", "tsm_resnet18", "c3d_*"])


def test_without_matplotlib_plot_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"recircle\[plot\]"):
        arc_cost.main([*TINY, "--plot", str(tmp_path / "cost.png")])


def test_from_the_shell_an_error_is_one_line_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        machine.run_main(lambda: throughput.main(["--models", "c3d"]))
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_the_full_comparison_has_floors_ratios_and_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arc_sweep, "compiled_for_any_batch", lambda model: model)
    monkeypatch.setattr(networks, "compiled_step", lambda model: model)
    monkeypatch.setitem(floors.COPIED, "cpu", 2**16)
    picture = tmp_path / "full.png"
    options = ["--full", "--batch", "1", "2", "--train-batch", "2", "--plot", str(picture)]
    found = cost(tmp_path, *options)
    rows = found["rows"]
    assert picture.stat().st_size > 0
    assert {row["network"] for row in rows} == {"host", "temporal, n = 2", "light, n = 4", "whole, n = 4"}
    # both precisions of two batches in two modes, of training in two and in one
    assert len(rows) == 4 * (2 * 2 * 2 + 2 + 1)
    assert all(row["ms"] > 0 and row["ratio"] > 0 and not row["reason"] for row in rows)
    eager = [row for row in rows if (row["use"], row["dtype"], row["mode"]) == ("inference", "fp32", "eager")]
    work = {(row["network"], row["batch"]): (row["operations_ms"], row["bytes_ms"]) for row in eager}
    assert min(min(pair) for pair in work.values()) > 0
    for network in ("temporal, n = 2", "light, n = 4", "whole, n = 4"):
        assert work[network, 1][0] > work["host", 1][0]
    # weights are read once for all clips of a batch
    assert work["host", 2][0] == pytest.approx(2 * work["host", 1][0])
    assert work["host", 1][1] < work["host", 2][1] < 2 * work["host", 1][1]

    none = cost(tmp_path, *options, "--minutes", "0", "--only", "inference")["rows"]
    assert {row["reason"] for row in none} == {"no time was left"}


def test_a_frame_is_measured_online_and_in_windows(tmp_path: Path) -> None:
    output = tmp_path / "online.json"
    online.main([*TINY, "--no-memory", "--output", str(output)])
    rows = json.loads(output.read_text())["rows"]
    assert [(row["network"], row["form"]) for row in rows] == [
        (network, form) for network in ("host", "temporal", "whole") for form in online.FORMS
    ]
    assert all(0 < row["ms_lower"] <= row["ms"] <= row["ms_upper"] for row in rows)
    # the count, the mean of the logits, and an eighth of the input of each block
    shifts = 2 * 8 * 8**2 + (8 * 8**2 + 16 * 4**2) + (16 * 4**2 + 32 * 2**2) + (32 * 2**2 + 64)
    assert rows[0]["kept_bytes"] == 8 + 4 * (CLASSES + shifts // 8)
    steps = [row["kept_bytes"] for row in rows if row["form"] == "step"]
    assert steps[0] < steps[1] < steps[2]


@pytest.mark.slow
def test_runs_are_compared_in_the_engines_of_devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openvino")
    write_clips(tmp_path / "clips")
    runs = [write_run(tmp_path / name) for name in ("one", "two")]
    for run in runs:
        data = DataConfig(manifest=tmp_path / "clips" / "manifest.csv", sampling=SPEC.sampling)
        run.save_config(TrainConfig(model=SPEC.model, data=data, output=run.path))
    output, threads = tmp_path / "figures.json", torch.get_num_threads()
    try:
        devices.main([*(str(run.path) for run in runs), "--rounds", "2", "--output", str(output)])
    finally:
        torch.set_num_threads(threads)
    rows = json.loads(output.read_text())["rows"]
    assert len(rows) == 2 * len(devices.WAYS)
    for row in rows:
        first = next(r for r in rows if (r["engine"], r["precision"]) == (row["engine"], row["precision"]))
        assert row["ratio"] == pytest.approx(row["ms"] / first["ms"])
        assert row["precision"] != "fp32" or row["difference"] == [0, 0, 0]
    assert "minima of 2 rounds" in capsys.readouterr().out
