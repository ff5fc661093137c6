"""The keys that a campaign's objects have, and the digests by which its description and its commits name them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.storage.objects import ObjectReference

_ATTEMPT = r"cycles/(?P<cycle>\d+)/(?P<attempt>[0-9a-f]{16})"

PATTERNS = {
    "campaign": r"campaign\.json",
    "commit": r"cycles/(?P<cycle>\d+)/commit\.json",
    "decision": rf"{_ATTEMPT}/decision\.json",
    "record": rf"{_ATTEMPT}/results/[a-z_]+((-range)?-\d+-of-\d+)?\.json",
    "timing": rf"{_ATTEMPT}/timings/[a-z0-9_-]+-(?P<digest>[0-9a-f]{{12}})\.json",
    "sums": r"cycles/timings/sums\.json",
    "checkpoint": rf"{_ATTEMPT}/([a-z.]+\.)?checkpoint\.safetensors",
    "result": rf"{_ATTEMPT}/([\w.-]+/)?[\w.-]+-(?P<digest>[0-9a-f]{{16}})\.[a-z0-9]+",
    "space": r"spaces/(?P<digest>[0-9a-f]{16})/space\.json",
    "pruned": r"spaces/(?P<space>[0-9a-f]{16})/pruned\.json",
    "features": r"spaces/(?P<space>[0-9a-f]{16})/part-[0-9a-f]{16}-(?P<digest>[0-9a-f]{16})\.parquet",
    "quarantine": r"spaces/(?P<space>[0-9a-f]{16})/quarantine-[0-9a-f]{16}-(?P<digest>[0-9a-f]{16})\.parquet",
    "index": r"spaces/(?P<space>[0-9a-f]{16})/index-\d{7}-\d{3}-(?P<digest>[0-9a-f]{16})\.json",
    "ids": r"(spaces/(?P<space>[0-9a-f]{16})/ids|pool/ids/[0-9a-f]{16})-(?P<digest>[0-9a-f]{16})\.parquet",
    "map": r"spaces/(?P<space>[0-9a-f]{16})/map-[0-9a-f]{16}-(?P<digest>[0-9a-f]{16})\.parquet",
    "votes": r"labels/\d+-(?P<digest>[0-9a-f]{16})\.parquet",
    "history": r"history/(\d+|\d+-\d+-(cycles|requests|votes))-(?P<digest>[0-9a-f]{16})\.(json|parquet)",
    "consensus": r"consensus/\d+-(?P<digest>[0-9a-f]{16})\.parquet",
    "table": r"(pool|pool/truth|pool/quarantine|pool/known|pool/withdrawn|oracle)/(?P<digest>[0-9a-f]{16})\.parquet",
    "complete": r"oracle/[0-9a-f]{16}\.json",
    "weights": r"weights/(text/)?(?P<digest>[0-9a-f]{64})\.[a-z]+",
    "receipt": r"queries/cycle-\d{4,}\.json",
    "handout": r"queries/cycle-\d{4,}\.csv",
    "notification": r"notifications/cycle-\d{4,}-[a-z_]+\.json",
    "amendment": r"amendments/\d{6}\.json",
    "erasure": r"erasures/\d{6}\.json",
    "promotion": r"promotions/\d{6}\.json",
    "prediction": r"predictions/[0-9a-f]{16}/(plan|commit)\.json",
    "predictions": r"predictions/[0-9a-f]{16}/part-\d{6}-(?P<digest>[0-9a-f]{16})\.parquet",
    "listed": r"predictions/images/(?P<digest>[0-9a-f]{16})\.parquet",
    "autolabel": r"autolabel/\d{4,}/(plan|step-\d+|certificate)\.json",
    "machine labels": r"autolabel/\d{4,}/(labels-\d{6,}|audits|answers-\d+)-(?P<digest>[0-9a-f]{16})\.parquet",
    "audit": r"autolabel/\d{4,}/audit-\d+\.csv",
    "backtest": r"backtest/.+",
    "trial": r"doctor/[0-9a-f]{32}",
    "tracking": r"mlflow\.db([.-]\w+)?|mlartifacts/.+",
}
"""Kinds of objects, and what their keys look like. `digest` begins the SHA-256 of the object's content."""

_COMPILED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}


@dataclass(frozen=True)
class KnownKey:
    """A key that a campaign may have.

    Attributes:
        key: the key.
        kind: one of `PATTERNS`.
        parts: the named parts of the key, such as `cycle`, `attempt`, `space` and `digest`.
    """

    key: str
    kind: str
    parts: dict[str, str]


def known_key(key: str) -> KnownKey | None:
    """What kind of object the key names; None for a key that no campaign has."""
    for kind, pattern in _COMPILED.items():
        if match := pattern.fullmatch(key):
            return KnownKey(key, kind, {name: value for name, value in match.groupdict().items() if value is not None})
    return None


def pruned_key(space: str) -> str:
    """The object that says of a feature space that `labelcycle prune` has deleted its features."""
    return f"spaces/{space}/pruned.json"


Named = dict[str, set[str]]
"""SHA-256 by key; more than one where two that name the object disagree."""


def named_objects(versions: list[Campaign], commits: list[Commit], histories: Iterable[History]) -> Named:
    """Every object that the campaign, as it began and with each amendment, its commits and their histories refer to."""
    named: Named = {}
    of_segments = (each for history in histories for segment in history.segments for each in segment.references)
    for reference in chain(*map(_of_campaign, versions), _of_commits(commits), of_segments):
        named.setdefault(reference.key, set()).add(reference.sha256)
    return named


def _of_campaign(campaign: Campaign) -> Iterator[ObjectReference]:
    yield from (campaign.pool, campaign.truth, campaign.quarantine)
    if campaign.backbone is not None:
        yield campaign.backbone.weights
    if campaign.known_labels is not None:
        yield campaign.known_labels.table
    if campaign.withdrawn is not None:
        yield campaign.withdrawn
    if campaign.text_encoder is not None:
        yield from campaign.text_encoder.files.values()
    if campaign.zero_shot is not None:
        yield from (campaign.zero_shot.classifier, *campaign.zero_shot.files.values())


def _of_commits(commits: list[Commit]) -> Iterator[ObjectReference]:
    for commit in commits:
        yield from commit.objects.values()
