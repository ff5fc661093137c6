"""The bench of ProbCover's radius runs from end to end, on a few samples."""

import numpy as np

from tests.bench.methods.probcover import ARMS, of_source


def test_every_arm_has_a_row() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    features = (generator.normal(size=(90, 5)) + 3 * np.eye(3, 5)[labels]).astype(np.float16)
    rows = of_source(features, labels, pool=60, test=30, seeds=1).splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == list(ARMS)
    assert all(" of 3 " in row for row in rows)
