"""Features for `make bench-labels` from a campaign on images.

    labelcycle init campaigns/textures --images textures --test labels.csv --budget 1 --classes …
    labelcycle run campaigns/textures
    python -m tests.bench.labels.features campaigns/textures --labels labels.csv --out textures.npz

`run` makes the features of the backbone that `init` was told, and stops where it would wait for labels.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_file import read_label_file
from labelcycle.components.labelling.sample_ids import SampleIds


def main(arguments: Sequence[str] | None = None) -> None:
    """Write ids, features, labels and classes of every sample that has features and a label."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.labels.features", description=__doc__)
    parser.add_argument("root")
    parser.add_argument("--labels", required=True, help="label file of all samples")
    parser.add_argument("--out", type=Path, required=True, help="npz to write")
    given = parser.parse_args(arguments)
    store = open_store(given.root)
    campaign = load_campaign(store)
    answers = read_label_file(given.labels, SampleIds(sample_uris(store, campaign)), campaign.classes)
    labels = {name: answer.label for name, answer in answers.items() if answer.label is not None}
    ids, features = FeatureSpace(store, campaign.base_space).read(sorted(labels))
    if not ids:
        raise SystemExit(f"{given.root} has no features of these samples yet: labelcycle run {given.root}")
    number = {name: index for index, name in enumerate(campaign.classes)}
    np.savez(
        given.out,
        ids=np.array(ids),
        features=features,
        labels=np.array([number[labels[name]] for name in ids]),
        classes=np.array(campaign.classes),
    )
    print(f"{given.out}: {len(ids)} samples of width {features.shape[1]}, {len(campaign.classes)} classes")


if __name__ == "__main__":
    main()
