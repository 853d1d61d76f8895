"""torchvision (and through it timm) as an oracle beside any build of torch; see the module of the package."""

from recircle.models.hosts.torchvision import import_torchvision

__all__ = ["import_torchvision"]
