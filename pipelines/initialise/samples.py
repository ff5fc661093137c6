"""The samples of a new campaign, wherever they come from."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.half_precision import FeatureScale


@dataclass(frozen=True)
class Samples:
    """What is known about the samples before the campaign begins.

    Attributes:
        uris: the image address of each usable sample, by id, sorted; None where only its embedding was given.
        sha256: digest of each image, by id; empty for embeddings.
        quarantined: samples set aside: sample_id, uri and reason of each.
        labels: labels that came with the samples, by id.
        splits: `pool`, `val` or `test` as the source says, by id; empty where it does not say.
        features: float16 (N, d) in the order of `uris`, where embeddings were given.
        source_sha256: digest of the embeddings file.
        scale: what the features were centred and scaled by; None where they are as in the file.
    """

    uris: dict[str, str | None]
    sha256: dict[str, str] = field(default_factory=dict)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    features: npt.NDArray[np.float16] | None = None
    source_sha256: str = ""
    scale: FeatureScale | None = None
