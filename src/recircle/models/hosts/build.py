"""From a host to the function that builds its network."""

from collections.abc import Sequence
from typing import Unpack

from recircle.models.base import VideoModel
from recircle.models.builder import Registered
from recircle.models.hosts.clips import build_clip_host
from recircle.models.hosts.images import build_image_host
from recircle.models.hosts.options import ClipOptions, HostOptions
from recircle.models.hosts.source import HF, Host


def host_builder(
    name: str, host: Host | None = None, *, weights: bool = False, labels: Sequence[str] = ()
) -> Registered:
    """Return what builds the network of a name.

    Args:
        name: of a host.
        host: what is known of it; None where only its options are asked for.
        weights: start from those of its name.
        labels: the classes of the clips, by which a classifier that knows them is kept.
    """

    def clips(num_classes: int, **options: Unpack[ClipOptions]) -> VideoModel:
        assert host is not None
        return build_clip_host(num_classes, host, weights=weights, labels=labels, **options)

    def images(num_classes: int, **options: Unpack[HostOptions]) -> VideoModel:
        assert host is not None
        return build_image_host(num_classes, host, weights=weights, labels=labels, **options)

    return Registered(clips if name.startswith(HF) else images)
