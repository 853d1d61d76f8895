"""Small random networks of the real classes of transformers and timm, saved to folders as these libraries save them."""

import json
from pathlib import Path
from typing import Any

import torch

from recircle.models.hosts.libraries import import_timm, import_transformers

LABELS = ("lift", "push left", "push right")
FRAMES = {"videomae": 4, "vivit": 4, "timesformer": 3, "vjepa2": 4}
IMAGES = ("resnet18", "convnext_atto", "vit_tiny_patch16_224")
SIDE = 32

_COMMON = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
_OF_FAMILY: dict[str, dict[str, Any]] = {
    "videomae": {
        **_COMMON, "intermediate_size": 48, "image_size": SIDE, "patch_size": 16, "num_frames": 4, "tubelet_size": 2,
        "decoder_hidden_size": 24, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 24,
    },
    "vivit": {
        **_COMMON, "intermediate_size": 48, "image_size": SIDE, "num_frames": 4, "tubelet_size": [2, 16, 16],
    },
    "timesformer": {
        **_COMMON, "intermediate_size": 48, "image_size": SIDE, "patch_size": 16, "num_frames": 3,
    },
    "vjepa2": {
        **_COMMON, "mlp_ratio": 2.0, "crop_size": SIDE, "patch_size": 16, "frames_per_clip": 4, "tubelet_size": 2,
        "num_pooler_layers": 1, "pred_hidden_size": 12, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1,
    },
}  # fmt: skip
_OF_IMAGES: dict[str, dict[str, Any]] = {
    "resnet18": {"layers": [1, 1, 1, 1], "channels": [8, 16, 16, 16], "stem_width": 8},
    "convnext_atto": {"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 24]},
    "vit_tiny_patch16_224": {"embed_dim": 24, "depth": 2, "num_heads": 2, "img_size": SIDE},
}
PROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.4, 0.5, 0.6],
    "image_std": [0.2, 0.25, 0.3],
    "rescale_factor": 1 / 255,
    "size": {"shortest_edge": 40},
    "crop_size": {"height": SIDE, "width": SIDE},
}


def save_clip_network(
    folder: Path, kind: str, *, labels: tuple[str, ...] = LABELS, backbone: bool = False, **changes: Any
) -> Path:
    """Save a small classifier of transformers (or its backbone) with random weights; return the folder."""
    transformers = import_transformers()
    torch.manual_seed(0)
    config = transformers.CONFIG_MAPPING[kind](**(_OF_FAMILY[kind] | changes))
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    automatic = transformers.AutoModel if backbone else transformers.AutoModelForVideoClassification
    automatic.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return folder


def load_with_transformers(folder: Path) -> Any:
    """Return the network as transformers itself loads it."""
    return import_transformers().AutoModelForVideoClassification.from_pretrained(folder).eval()


def save_image_network(folder: Path, architecture: str, *, classes: int = 3) -> Path:
    """Save a small image network of timm with random weights; return the folder."""
    timm = import_timm()
    torch.manual_seed(0)
    arguments = _OF_IMAGES[architecture]
    net = timm.create_model(architecture, num_classes=classes, **arguments)
    # random statistics, so that norms do something
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.1)
    timm.models.save_for_hf(net, folder, model_args=arguments, safe_serialization=True)
    content = json.loads((folder / "config.json").read_text())
    content["pretrained_cfg"] |= {"input_size": [3, SIDE, SIDE], "crop_pct": 0.8, "mean": [0.4, 0.5, 0.6]}
    (folder / "config.json").write_text(json.dumps(content))
    return folder
