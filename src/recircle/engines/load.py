"""From a run to an engine that runs its network."""

import torch

from recircle.engines import onnxruntime_engine, openvino_engine
from recircle.engines.engine import Engine, EngineName, Precision, check_engine
from recircle.engines.file_engine import FileEngine
from recircle.engines.files import file_for
from recircle.engines.torch_engine import TorchEngine
from recircle.errors import UserError
from recircle.export import compiled_program
from recircle.export.facts import Shape
from recircle.models.base import VideoModel
from recircle.run import ModelSpec, Run
from recircle.surgery.prepare import prepare_for_inference
from recircle.views.views import EvalViews


def load_engine(
    name: EngineName,
    run: Run,
    model: VideoModel,
    spec: ModelSpec,
    *,
    views: EvalViews,
    device: torch.device,
    precision: Precision = "fp32",
) -> Engine:
    """Return the engine for a run's network.

    Args:
        name: which engine.
        run: where exported files are, or are written.
        model: the network, as `run` has it.
        spec: of the run.
        views: what it gets.
        device: where it computes; only PyTorch has others than the CPU.
        precision: what it computes in.

    Raises:
        UserError: there is no such engine or it does not compute so, it is not installed, it does not run on the
            device, or its file cannot be written.
    """
    check_engine(name, precision)
    if name == "torch":
        prepared = prepare_for_inference(model).to(device)
        return TorchEngine(model=prepared, preprocessing=spec.preprocessing, device=device, precision=precision)
    if device.type != "cpu":
        raise UserError(f"the engine {name} runs on the CPU here, not on {device}; take that, or the engine torch")
    {"onnxruntime": onnxruntime_engine.require, "openvino": openvino_engine.require, "aoti": lambda: None}[name]()
    _, frames, _, height, width = views.shape
    size = (height, width)
    file = file_for(name, run, model, spec, size=size, precision=precision)
    threads = torch.get_num_threads()
    if name == "openvino":
        planned = Shape(size=size, frames=frames, clips=file.shape.clips)
        function, precision = openvino_engine.load(file.path, threads, precision, planned)
    elif name == "onnxruntime":
        function = onnxruntime_engine.load(file.path, threads)
    else:
        function = compiled_program.load(file.path)
    return FileEngine(name=name, precision=precision, classes=model.num_classes, run=function, clips=file.shape.clips)
