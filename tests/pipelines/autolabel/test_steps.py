"""Steps: nested, larger than their audits, with random audits of their own; and the risk of all of them together."""

import numpy as np
import pytest
from scipy.stats import binom

from labelcycle.components.analysis.error_bound import audit_size
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.autolabel.audit_steps import audit_rows, in_steps, plan_steps

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


CAMPAIGNS = 200


def just_too_bad(last: np.ndarray, claimed: float, seed: int) -> np.ndarray:
    """Which labels are wrong, drawn at random such that every step has one or two more than the claim allows."""
    generator, faulty = np.random.default_rng((1, seed)), np.zeros(len(last), np.bool_)
    for number in range(int(last.max()) + 1):
        mine = np.flatnonzero(last == number)
        faulty[generator.choice(mine, int(claimed * len(mine)) + 1, replace=False)] = True
    return faulty


def test_the_risk_of_all_steps_together_is_kept_where_each_is_just_too_bad() -> None:
    """All sets have an error a little above the claim, and confidences that hide it: the worst that can be."""
    claimed, wrong_certificates = 0.05, 0
    size = audit_size(2, claimed, 0.05 / 3)
    for seed in range(CAMPAIGNS):
        confidence, keys = pool(seed)
        planned = plan_steps(confidence, keys, claimed, 0.95, audit=size)
        last, rows = in_steps(planned), planned.rows
        faulty = just_too_bad(last, claimed, seed)
        assert all(faulty[last >= number].mean() > claimed for number in range(len(planned.steps)))
        for number, step in enumerate(planned.steps):
            audited = audit_rows(last, keys[rows], number, step.audited)
            if faulty[audited].sum() <= step.allowed:
                wrong_certificates += 1
                break
    assert 0 < wrong_certificates <= binom.ppf(0.999, CAMPAIGNS, 0.05)
