"""Steps: nested, larger than their audits, with random audits of their own; and the risk of all of them together."""

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.autolabel.audit_steps import audit_rows, in_steps, plan_steps
from tests.bench.autolabel import worst

SAMPLES = 2000


def pool(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    confidence = generator.beta(20, 0.6, SAMPLES).astype(np.float32)
    return confidence, generator.permutation(SAMPLES).astype(np.uint64)


def test_steps_are_nested_and_audits_are_the_first_of_each_in_one_order() -> None:
    confidence, keys = pool(0)
    confidence[:10] = np.nan
    planned = plan_steps(confidence, keys, 0.05, 0.95)
    sizes = [step.samples for step in planned.steps]
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True) and len(set(planned.rows.tolist())) == sizes[0]
    assert not np.isnan(confidence[planned.rows]).any()
    assert confidence[planned.rows].min() >= np.sort(confidence[10:])[-sizes[0]]
    last = in_steps(planned)
    for number, step in enumerate(planned.steps):
        assert step.risk == pytest.approx(0.05 / 3) and step.samples > step.audited
        assert (last >= number).sum() == step.samples
        rows = audit_rows(last, keys[planned.rows], number, step.audited)
        mine = np.flatnonzero(last >= number)
        assert set(rows.tolist()) == set(mine[np.argsort(keys[planned.rows][mine])][: step.audited].tolist())
    shuffled = np.random.default_rng(1).permutation(SAMPLES)
    again = plan_steps(confidence[shuffled], keys[shuffled], 0.05, 0.95)
    assert again.steps == planned.steps and np.array_equal(shuffled[again.rows], planned.rows)


def test_the_audit_is_as_large_as_was_asked_for_and_never_too_small_for_the_claim() -> None:
    confidence, keys = pool(0)
    confidence = np.minimum(confidence + 0.5, 1).astype(np.float32)
    [step] = plan_steps(confidence, keys, 0.02, 0.95, audit=149, most_steps=1).steps
    assert (step.audited, step.allowed) == (149, 0)
    with pytest.raises(ConfigurationError, match="with 1 steps that takes 149 samples"):
        plan_steps(confidence, keys, 0.02, 0.95, audit=148, most_steps=1)
    with pytest.raises(ConfigurationError, match="with 3 steps that takes 203 samples"):
        plan_steps(confidence, keys, 0.02, 0.95, audit=149)
    assert plan_steps(np.full(50, 0.5, np.float32), keys[:50], 0.02, 0.95).steps == []
    assert plan_steps(np.empty(0, np.float32), keys[:0], 0.02, 0.95).steps == []


def test_the_risk_of_all_steps_together_is_kept_where_each_is_just_too_bad() -> None:
    """It fails, by itself, where more certificates are wrong than 5 % and chance allow; a few are."""
    said = worst(200)
    assert " 0 certified" not in said and said.endswith("all of them wrong.")
