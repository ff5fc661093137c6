"""Classes that change while a campaign goes on: what heads and predictions of earlier cycles say by the present ones.

A class that was renamed or merged is found by its former name; one that was added is unknown to earlier heads.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference


def classes_then(
    store: Store, campaign: Campaign, now: ObjectReference | None, then: ObjectReference | None
) -> list[str]:
    """The classes that were in force at an earlier cycle.

    Args:
        store: the campaign's.
        campaign: as it is for the cycle that asks.
        now: the newest amendment of that cycle.
        then: that of the earlier cycle.

    Raises:
        CampaignError: there is no such amendment.

    Cost: none where it is the same; else that of `read_amended_campaign`.
    """
    if then == now:
        return campaign.classes
    return read_amended_campaign(store, load_campaign(store)).as_of(then).classes


def only_names_differ(before: Sequence[str], campaign: Campaign) -> bool:
    """Whether the present classes are earlier ones, each under the same name or another."""
    return [campaign.class_of(name) for name in before] == campaign.classes


def columns_now(before: Sequence[str], campaign: Campaign) -> npt.NDArray[np.int64]:
    """The number of the present class that each earlier one counts as, (C before,)."""
    number = {name: index for index, name in enumerate(campaign.classes)}
    return np.array([number[campaign.class_of(name)] for name in before], np.int64)


def probabilities_now(
    probabilities: npt.NDArray[np.floating[Any]], before: Sequence[str], campaign: Campaign
) -> npt.NDArray[np.float32]:
    """Probabilities of earlier classes as those of the present ones: (N, C before) → float32 (N, C).

    That of a merged class is the sum of those of its parts, and that of a class that was not there yet is 0.
    """
    if list(before) == campaign.classes:
        return probabilities.astype(np.float32, copy=False)
    summed = np.zeros((len(probabilities), len(campaign.classes)), np.float32)
    for column, number in enumerate(columns_now(before, campaign).tolist()):
        summed[:, number] += probabilities[:, column]
    return summed


def confusion_now(
    confusion: Sequence[Sequence[int]], before: Sequence[str], campaign: Campaign
) -> npt.NDArray[np.int64]:
    """A confusion matrix of earlier classes by the present ones: (C before, C before) → (C, C)."""
    columns = columns_now(before, campaign)
    summed = np.zeros((len(campaign.classes), len(campaign.classes)), np.int64)
    np.add.at(summed, np.ix_(columns, columns), np.array(confusion, np.int64))
    return summed


def rows_now(values: npt.NDArray[np.float32], before: Sequence[str], campaign: Campaign) -> npt.NDArray[np.float32]:
    """What a head has for each earlier class, for each present one: (C before, …) → (C, …).

    A merged class begins at the mean of its parts, and one that was not there yet at the mean of all, which says
    nothing for or against it.
    """
    columns = columns_now(before, campaign)
    rows = [
        values[columns == number] if (columns == number).any() else values for number in range(len(campaign.classes))
    ]
    return np.stack([parts.mean(axis=0) for parts in rows]).astype(np.float32)
