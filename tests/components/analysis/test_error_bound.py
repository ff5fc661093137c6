"""Bounds of an error rate against the definition by sums of binomial probabilities, and the published size of 149."""

import pytest
from scipy.stats import binom

from labelcycle.components.analysis.error_bound import allowed_faults, audit_size, error_bound, tolerable_error


def test_sizes() -> None:
    assert audit_size(0, 0.02, 0.05) == 149
    assert [allowed_faults(size, 0.02, 0.05) for size in (1, 148, 149, 235, 236)] == [None, None, 0, 0, 1]
    assert error_bound(0, 149, 0.05) <= 0.02 < error_bound(0, 148, 0.05)
    assert error_bound(3, 3, 0.05) == 1.0


@pytest.mark.parametrize("risk", [0.05, 0.01])
@pytest.mark.parametrize("error", [0.01, 0.1, 0.3])
def test_a_bound_is_the_rate_at_which_so_few_faults_have_the_probability_of_the_risk(error: float, risk: float) -> None:
    for faults in (0, 1, 4):
        size = audit_size(faults, error, risk)
        bound = error_bound(faults, size, risk)
        assert binom.cdf(faults, size, bound) == pytest.approx(risk)
        assert allowed_faults(size, error, risk) == faults
        assert error_bound(faults, size - 1, risk) > error
        assert binom.cdf(faults, size, tolerable_error(size, faults, 0.8)) == pytest.approx(0.8)
