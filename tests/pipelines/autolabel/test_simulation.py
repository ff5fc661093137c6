"""A few simulated campaigns of `tests.bench.autolabel`, whose figures RESULTS.md has for 200."""

from tests.bench.autolabel import Setting, digits, report, simulated


def test_certificates_of_digits_hold_where_confidences_promise_too_much() -> None:
    features, classes = digits()
    setting = Setting(200, 400, 0.05, calibrated="sharp")
    found = [simulated(features, classes, setting, seed) for seed in range(5)]
    assert all(one.error <= setting.error for one in found)
    assert any(one.step not in (0, None) for one in found), "a first step fails, and a later one is certified"
    assert report("digits", features, classes, setting, 2).count("|") == 14
