"""How many faults an audit may find, and how large it has to be, for a claim about an error rate: exact bounds.

Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
Biometrika 1934. An audit without replacement, of a share of a finite set, errs less than these say: Hoeffding,
Probability inequalities for sums of bounded random variables, JASA 1963, section 6.
"""

import math

from scipy.stats import beta, binom


def error_bound(faults: int, audited: int, risk: float) -> float:
    """The upper Clopper-Pearson bound of an error rate: it is too low with a probability of `risk` at most.

    Args:
        faults: samples that were found wrong.
        audited: samples that were looked at, drawn at random, at least one.
        risk: one minus the confidence, between 0 and 1.
    """
    return 1.0 if faults >= audited else float(beta.ppf(1 - risk, faults + 1, audited - faults))


def allowed_faults(audited: int, error: float, risk: float) -> int | None:
    """The most faults for which `error_bound` is not above `error`; None where an audit without any proves too little.

    Args:
        audited: samples that are looked at.
        error: the error rate that is claimed, between 0 and 1.
        risk: of a wrong claim.
    """
    faults = int(binom.ppf(risk, audited, error))
    while faults >= 0 and error_bound(faults, audited, risk) > error:
        faults -= 1
    return None if faults < 0 else faults


def audit_size(faults: int, error: float, risk: float) -> int:
    """The smallest audit that may find so many faults: 149 for none, an error of 2 % and a risk of 5 %.

    Args:
        faults: that are allowed.
        error: the error rate that is claimed, between 0 and 1.
        risk: of a wrong claim.
    """
    low, high = faults, max(faults + 1, math.ceil(math.log(risk) / math.log1p(-error)))
    while error_bound(faults, high, risk) > error:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if error_bound(faults, middle, risk) <= error else (middle, high)
    return high


def tolerable_error(audited: int, faults: int, power: float) -> float:
    """The largest error rate at which an audit finds at most so many faults with a probability of `power`.

    Args:
        audited: samples that are looked at.
        faults: that are allowed.
        power: between 0 and 1.
    """
    return float(beta.ppf(1 - power, faults + 1, audited - faults))
