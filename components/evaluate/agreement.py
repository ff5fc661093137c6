"""How far people agree beyond chance: Krippendorff's alpha of classes."""

from collections import Counter
from collections.abc import Iterable, Sequence


def krippendorff_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for nominal data: 1 is full agreement, 0 what chance gives, less is worse than chance.

    Args:
        units: the classes that people gave to each sample; samples with fewer than two count for nothing.

    Returns:
        None where no sample has two votes, or all votes are of one class, so that chance explains everything.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C (nominal data, any number of
    observers, missing data).
    """
    paired = [unit for unit in units if len(unit) > 1]
    totals = Counter(label for unit in paired for label in unit)
    values = totals.total()
    expected = values * values - sum(count * count for count in totals.values())
    if not expected:
        return None
    observed = sum(
        (len(unit) ** 2 - sum(count * count for count in Counter(unit).values())) / (len(unit) - 1) for unit in paired
    )
    return 1 - (values - 1) * observed / expected
