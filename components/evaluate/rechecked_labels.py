"""What rechecks have brought: how many labels were confirmed, and which were corrected."""

from collections import Counter
from collections.abc import Iterable, Mapping

from labelcycle.components.core.campaign.label_quality import CorrectedLabel, RecheckFigures
from labelcycle.components.core.campaign.rechecks import Rechecked, is_second_answer
from labelcycle.components.core.campaign.votes import Vote

MOST_LISTED = 50


def recheck_figures(rechecked: Rechecked, votes: Iterable[Vote], labels: Mapping[str, str]) -> RecheckFigures:
    """The figures of all rechecks so far.

    Args:
        rechecked: the samples whose label was asked for again.
        votes: those in force.
        labels: the label that came out, by id.
    """
    first: dict[str, Counter[str]] = {name: Counter() for name in rechecked}
    second: dict[str, Counter[str]] = {}
    for vote in votes:
        if is_second_answer(vote, rechecked):
            second.setdefault(vote.sample_id, Counter()).update([] if vote.label is None else [vote.label])
        elif vote.sample_id in first and vote.label is not None:
            first[vote.sample_id][vote.label] += 1
    before = {name: first[name].most_common(1)[0][0] for name in sorted(second) if first[name]}
    corrected = [
        CorrectedLabel(sample_id=name, before=label, label=labels[name], cycle=rechecked[name])
        for name, label in before.items()
        if name in labels and labels[name] != label
    ]
    confirmed = [name for name, label in before.items() if second[name] and second[name].most_common(1)[0][0] == label]
    return RecheckFigures(
        asked=len(rechecked),
        answered=len(second),
        confirmed=len(confirmed),
        corrected=len(corrected),
        corrections=sorted(corrected, key=lambda row: (-row.cycle, row.sample_id))[:MOST_LISTED],
    )


def given_again(rechecked: Rechecked, votes: Iterable[Vote], labels: Mapping[str, str]) -> set[str]:
    """The samples whose label is what somebody answered who was asked for it again.

    Args:
        rechecked: the samples whose label was asked for again.
        votes: those in force.
        labels: the label that came out, by id.
    """
    second = (vote for vote in votes if is_second_answer(vote, rechecked))
    return {vote.sample_id for vote in second if vote.label is not None and labels.get(vote.sample_id) == vote.label}
