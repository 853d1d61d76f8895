"""A config and a network that go together: what one leaves to the other, and what cannot be."""

from dataclasses import replace

from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.wrapped import WrappedModel
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.words import counted


def check_classes(config: TrainConfig, model: VideoModel, data: TrainingData) -> None:
    """Insist on a network for the classes of the clips, before anything is written.

    Raises:
        UserError: it is for another number of classes; or it is from elsewhere, and does not make logits of clips.
    """
    classes = len(data.labels)
    if model.num_classes != classes:
        of = config.data.dataset or config.data.manifest
        raise UserError(
            f"{config.model.name} gives {counted(model.num_classes, 'logit')} a clip, and {of} has "
            f"{counted(classes, 'class', 'classes')}; give its last layer {counted(classes, 'output')}"
        )
    if isinstance(model, WrappedModel):
        assert config.data.preprocessing is not None
        model.try_out(config.data.sampling.frames, config.data.preprocessing.crop_size)


def resolved(config: TrainConfig, model: VideoModel) -> TrainConfig:
    """Fill in what the config leaves to the model, and make its paths of data good from any folder.

    Raises:
        UserError: the model cannot take clips of so many frames, or of such a size.
    """
    try:
        model.check_frames(config.data.sampling.frames)
    except ValueError as error:
        raise UserError(f"data.sampling.frames={config.data.sampling.frames} cannot be: {error}") from None
    preprocessing = config.data.preprocessing or model.preprocessing
    try:
        model.check_size(*preprocessing.crop_size)
    except ValueError as error:
        raise UserError(f"data.preprocessing.crop cannot be: {error}") from None
    data = replace(
        config.data,
        manifest=config.data.manifest.absolute(),
        cache=config.data.cache.absolute() if config.data.cache is not None else None,
        preprocessing=preprocessing,
    )
    return replace(config, data=data)
