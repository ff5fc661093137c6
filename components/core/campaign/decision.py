"""What a cycle does, on which labels and after which cycles; an attempt is named by a digest of that."""

from typing import Literal

from pydantic import SerializerFunctionWrapHandler, ValidationError, model_serializer

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, commit_key
from labelcycle.components.core.config.settings import OF_A_LATER_VERSION, Settings, knows_less
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, read_object

Action = Literal["cold_start", "train", "finalize"]

Role = Literal["cold_start", "strategy", "trainer", "alignment"]
"""What an algorithm is there for: choosing the first query, choosing a later one, training the model, and fine-tuning
the backbone that features are recomputed with."""

FIRST = 1
"""The version of every algorithm of a cycle whose decision records none."""


class Algorithm(Settings):
    """An algorithm by the name that recipes call it, in one version."""

    name: str
    version: int = FIRST


class Decision(Settings):
    """What this cycle does and on which labels; `decision.json`, the first object of an attempt.

    `finalize` trains the model that the campaign keeps, and asks for no more labels. `history` is that of all cycles
    before, `new_labels` are the votes that came since, and `consensus` is what all votes come to. `answered` of the
    samples asked for have their answers, and `outstanding` have not. `algorithms` says which version of each the cycle
    is made by, `amendment` which was the newest then: the cycle is that of the campaign with it and those before.

    Versions before histories listed the votes and queries of all cycles in `labels` and `queries`, and those before
    `algorithms` had no versions. What is not there is left out, so that every decision keeps its bytes.
    """

    cycle: int
    action: Action
    labels: list[ObjectReference] = []
    new_labels: ObjectReference | None
    consensus: ObjectReference | None = None
    labelled: int
    answered: int
    outstanding: int = 0
    query_size: int
    previous: dict[str, ObjectReference]
    queries: list[ObjectReference] = []
    history: ObjectReference | None = None
    algorithms: dict[Role, Algorithm] = {}
    amendment: ObjectReference | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialised: SerializerFunctionWrapHandler) -> dict[str, object]:
        content: dict[str, object] = serialised(self)
        if not self.algorithms:
            del content["algorithms"]
        if self.amendment is None:
            del content["amendment"]
        for name in ("history",) if self.history is None else ("labels", "queries"):
            del content[name]
        return content

    @property
    def trains(self) -> bool:
        """Whether this cycle trains a model."""
        return self.action != "cold_start"


def attempt_name(campaign: Campaign, decision: Decision) -> str:
    """The name of the attempt that carries out `decision`: 16 hexadecimal digits of a digest of all it depends on.

    Decisions from before versions were recorded mean the first ones. So these are not part of the digest, and an
    attempt that was begun then goes on under its name.
    """
    content = decision.model_dump(mode="json")
    if all(algorithm.version == FIRST for algorithm in decision.algorithms.values()):
        content.pop("algorithms", None)
    return digest_of_json({"campaign": campaign.identifier, "decision": content})[:16]


def check_follows(store: Store, campaign: Campaign, commit: Commit, before: Commit | None) -> None:
    """See that a commit is one of this campaign, and follows on the commit before it, so that nothing foreign is used.

    Raises:
        CampaignError: it is of another campaign or cycle, or its decision is gone or damaged.
    """
    address = store.locate(commit_key(commit.cycle))
    reference = commit.objects.get("decision")
    if reference is None:
        raise CampaignError(f"{address} names no decision. Restore it from a backup.")
    try:
        decision = Decision.model_validate_json(read_object(store, reference))
    except ValidationError as error:
        remedy = OF_A_LATER_VERSION if knows_less(error) else "Restore it from a backup."
        raise CampaignError(f"{store.locate(reference.key)} is not a decision. {remedy}") from error
    follows = decision.previous == (before.objects if before is not None else {})
    if attempt_name(campaign, decision) != commit.attempt or not follows:
        raise CampaignError(
            f"{address} belongs to another campaign or another cycle of this one. Restore the root from one backup; "
            "labelcycle verify lists what does not belong."
        )
