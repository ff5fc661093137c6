"""What training reports: `training.json`, and `alignment.json` where a recipe decides whether to recompute features."""

from typing import Literal

from labelcycle.components.core.storage.objects import ObjectReference, Record


class TrainingFacts(Record):
    """What was trained, and the feature space that belongs to it: `training.json`.

    Attributes:
        space: the feature space that the head takes.
        adapter_sha256: of the adapter's weights; None without one.
        weights: those of the backbone that the features are made with; None where that is the campaign's own.
        optimiser: the state that the next loop of a data selection goes on with; None elsewhere.
        labelled: samples that were trained on.
        trainer: its name; None in campaigns of earlier versions, which did not record it.
        settings: where the recipe has those of the trainer: `trainer`, `final.trainer` or `final.aligned`; None as for
            `trainer`.
        epochs: passes over the samples; iterations of a trainer that solves for its weights.
        learning_rate: None for a trainer that solves for its weights.
        loss: at the end.
        validation_accuracy: None without a validation split.
        trainable_parameters: of head, adapter and backbone.
        total_parameters: the same, with those that stay as they are.
        trainable_share: the first divided by the second.
        temperature: what the logits were divided by where `temperature: cross_validated`; None elsewhere.
        unlabelled: samples without a label that took part where `unlabelled: spread`; None elsewhere.
    """

    space: str
    adapter_sha256: str | None
    weights: ObjectReference | None = None
    optimiser: ObjectReference | None = None
    labelled: int
    trainer: str | None = None
    settings: str | None = None
    epochs: int
    learning_rate: float | None
    loss: float
    validation_accuracy: float | None
    trainable_parameters: int
    total_parameters: int
    trainable_share: float
    temperature: float | None = None
    unlabelled: int | None = None


class Tuning(Record):
    """How the backbone was fine-tuned: epochs, loss at the end, and images that were trained on."""

    epochs: int
    loss: float
    examples: int


class AlignmentQuantities(Record):
    """What a decision to fine-tune the backbone rests on. What a mode does not measure is None.

    Attributes:
        ped_steps: steps until PED converged.
        ped_within_one_step: whether it converged within one iteration.
        ped_changes: Σ|movement| of each step computed.
        logme: LogME of the features after PED.
        previous_logme: the same, one cycle before, on the same features.
        change: logme - previous_logme.
        relative_change: |change| / |previous_logme|.
        probe_accuracy: of a linear probe on the validation split.
        tuned_accuracy: of a fine-tuned model on the validation split.
        gap: tuned_accuracy - probe_accuracy.
    """

    ped_steps: int | None = None
    ped_within_one_step: bool | None = None
    ped_changes: list[float] | None = None
    logme: float | None = None
    previous_logme: float | None = None
    change: float | None = None
    relative_change: float | None = None
    probe_accuracy: float | None = None
    tuned_accuracy: float | None = None
    gap: float | None = None


class AlignmentVerdict(AlignmentQuantities):
    """Whether to fine-tune the backbone now, why, and what was measured: `alignment.json`.

    Attributes:
        update: whether features are recomputed in this cycle.
        reason: why, in words.
        mode: how that is decided.
        threshold: what the change or the gap was compared with.
        updates: how often features have been recomputed, this time included.
        labelled: N, labelled samples with features.
        width: D, of the features that were measured.
        tuning: of the backbone whose features are made now; None where they stay.
    """

    update: bool
    reason: str
    mode: Literal["absolute", "relative", "holdout"]
    threshold: float
    updates: int
    labelled: int
    width: int
    tuning: Tuning | None = None

    @property
    def logme_unreliable(self) -> bool:
        """Whether LogME was measured on no more labels than the features are wide, where it moves with their number."""
        return self.logme is not None and self.labelled <= self.width
