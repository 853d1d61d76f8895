"""Loaders from flat keywords, for tests that change one option at a time."""

from dataclasses import fields
from typing import Any

from recircle.loading.loaders import EvalLoader, TrainLoader
from recircle.loading.options import Loading, Shard
from recircle.manifest.manifest import Manifest
from recircle.views.views import EvalViews, TrainViews


def flat_train_loader(manifest: Manifest, *, labels: tuple[str, ...], **options: Any) -> TrainLoader:
    """Return a loader of training clips, each option in the bundle that has it."""
    views, loading, shard = _bundles(options, TrainViews, Loading, Shard)
    return TrainLoader(manifest, labels=labels, views=views, loading=loading, shard=shard)


def flat_eval_loader(manifest: Manifest, *, labels: tuple[str, ...], **options: Any) -> EvalLoader:
    """Return a loader of test clips, each option in the bundle that has it."""
    views, loading, shard = _bundles(options, EvalViews, Loading, Shard)
    return EvalLoader(manifest, labels=labels, views=views, loading=loading, shard=shard)


def _bundles(options: dict[str, Any], *classes: type[Any]) -> list[Any]:
    names = [{field.name for field in fields(cls)} for cls in classes]
    assert options.keys() <= set().union(*names)
    return [cls(**{name: options[name] for name in known & options.keys()}) for cls, known in zip(classes, names)]
