"""Earlier models on the present test set: once that has changed, they are measured again, so that one curve shows all.

The first cycle that trains with another test set measures the models of all cycles before it. Its commit names what
was found, and so does every commit after it, until the test set changes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import ClassMetrics
from labelcycle.components.core.campaign.estimate import NoEstimate
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_record

NAME = "remeasured"
"""What commits call it."""


class RemeasuredModel(Record):
    """The model of an earlier cycle on the present test set.

    Attributes:
        cycle: whose model it is.
        accuracy: share of the test samples that are right; None where it could not be measured.
        macro_f1: mean F1 of the classes that occur in the test set; None as for `accuracy`.
        ece: expected calibration error; None as for `accuracy`.
        test_samples: how many.
        classes: one a class, in the campaign's order.
        reason: why it could not be measured; None where it was.
    """

    cycle: int
    accuracy: float | None
    macro_f1: float | None
    ece: float | None
    test_samples: int
    classes: list[ClassMetrics]
    reason: str | None = None


class Remeasured(Record):
    """The models of all cycles before one, on its test set.

    Attributes:
        truth: SHA-256 of the table of known labels, those of the test set among them.
        models: by cycle.
    """

    truth: str
    models: list[RemeasuredModel]

    def of(self, cycle: int) -> RemeasuredModel | None:
        """The model of a cycle; None where that came later, or trained none."""
        return next((model for model in self.models if model.cycle == cycle), None)


def read_remeasured(store: Store, objects: Mapping[str, ObjectReference]) -> Remeasured | None:
    """What the objects of a commit say of the models before it; None where the test set is what it was.

    Raises:
        CampaignError: it is gone or damaged.
    """
    reference = objects.get(NAME)
    return None if reference is None else read_record(store, reference, Remeasured)


def remeasured_summaries(store: Store, summaries: Sequence[CycleSummary], newest: Commit | None) -> list[CycleSummary]:
    """The figures of cycles as the newest commit has them."""
    return on_present_test_set(summaries, None if newest is None else read_remeasured(store, newest.objects))


def on_present_test_set(summaries: Sequence[CycleSummary], remeasured: Remeasured | None) -> list[CycleSummary]:
    """The figures of cycles, those of models that were measured again in the place of what they were."""
    if remeasured is None:
        return list(summaries)
    return [
        summary if (model := remeasured.of(summary.cycle)) is None else _on(summary, model) for summary in summaries
    ]


def _on(summary: CycleSummary, model: RemeasuredModel) -> CycleSummary:
    estimate = None if model.reason is None else NoEstimate(reason=model.reason)
    counted = None if summary.test_samples is None else model.test_samples
    return replace(
        summary,
        estimate=estimate,
        accuracy=model.accuracy,
        macro_f1=model.macro_f1,
        ece=model.ece,
        test_samples=counted,
    )
