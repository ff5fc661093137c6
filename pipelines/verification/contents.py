"""The content of every object under a campaign's root against the digests that name it, object by object."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.decision import Decision, attempt_name
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.erasures import Erasure, erasure_key, read_erasures
from labelcycle.components.core.storage.objects import unsealed
from labelcycle.pipelines.verification.findings import ERASE_AGAIN, Finding
from labelcycle.pipelines.verification.known_objects import KnownKey, known_key

AT_ONCE = 4
"""So many objects are read at the same time, each whole in memory."""

SEALED = {
    "campaign",
    "commit",
    "record",
    "receipt",
    "pruned",
    "complete",
    "sums",
    "amendment",
    "erasure",
    "notification",
    "prediction",
    "autolabel",
}
UNCHECKED = {"handout", "audit", "checkpoint", "promotion", "backtest", "tracking"}
"""Hand-outs are people's, checkpoints are checked by the training that reads them, promotions as a chain; what MLflow
and backtests keep is theirs."""


@dataclass(frozen=True)
class Content:
    """What one object was found to be.

    Attributes:
        key: its key.
        known: what kind of object it is; None for one that no campaign has.
        size: bytes.
        finding: what is wrong with it; None where nothing is.
    """

    key: str
    known: KnownKey | None
    size: int
    finding: Finding | None


def check_contents(
    store: Store, campaign: Campaign, keys: list[str], named: dict[str, set[str]], advance: Callable[[], None]
) -> Iterator[Content]:
    """Look at every object, in the order of `keys`.

    Args:
        store: the campaign's.
        campaign: the campaign.
        keys: all keys under its root.
        named: the SHA-256 that campaign, commits and records give for a key.
        advance: called after each object.

    Cost: reads every object once; memory for `AT_ONCE` of them.
    """
    erasures = _erasures(store)

    def look(key: str) -> Content:
        known = known_key(key)
        content = Content(key, known, 0, None)
        if known is None or known.kind not in UNCHECKED or key in named:
            content = _read(store, campaign, key, known, named.get(key, set()), erasures)
        advance()
        return content

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(look, keys)


def _erasures(store: Store) -> list[Erasure]:
    try:
        return read_erasures(store)
    except CampaignError:
        return []  # reported as the object that it is


def _read(
    store: Store, campaign: Campaign, key: str, known: KnownKey | None, named: set[str], erasures: Sequence[Erasure]
) -> Content:
    if known is None and not named:
        return Content(key, None, 0, Finding("foreign", key, "labelcycle writes no such object. Move it elsewhere."))
    try:
        data = store.read(key)
    except FileNotFoundError:
        return Content(key, known, 0, Finding("missing", key, "It was deleted while it was looked for."))
    if (erased := _erased(key, digest_of_bytes(data), erasures)) is not None:
        return Content(key, known, len(data), erased)
    message = _fault(store, campaign, key, known, named, data)
    return Content(key, known, len(data), None if message is None else Finding("damaged", key, message))


def _erased(key: str, digest: str, erasures: Sequence[Erasure]) -> Finding | None:
    """What an erasure did to an object, or has still to do; None where none is about it."""
    mine = [(erasure, each) for erasure in erasures for each in erasure.objects if each.key == key]
    for erasure, each in mine:
        if digest == each.after:
            one = len(erasure.samples) == 1
            what = (
                "1 sample was erased, also from here"
                if one
                else (f"{len(erasure.samples)} samples were erased, some of them from here")
            )
            return Finding("erased", key, f"{what}: {erasure_key(erasure.number)}, {erasure.time}.")
    for _, each in mine:
        if digest == each.before:
            return Finding("inconsistent", key, ERASE_AGAIN)
    return None


def _fault(
    store: Store, campaign: Campaign, key: str, known: KnownKey | None, named: set[str], data: bytes
) -> str | None:
    """What is wrong with the content, and the remedy; None where nothing is."""
    digest = digest_of_bytes(data)
    if any(digest != expected for expected in named):
        return f"It was changed after it was written (its SHA-256 is {digest}). {_remedy(known, bool(named))}"
    if known is None:
        return None
    if not digest.startswith(known.parts.get("digest", "")):
        return f"Its content is not what its name says. {_remedy(known, bool(named))}"
    try:
        if known.kind in SEALED:
            unsealed(data, key, f"a {known.kind}", _remedy(known, bool(named)))
        if known.kind == "decision" and _attempt(campaign, data) != known.parts["attempt"]:
            return f"It is not the decision of its attempt. {_remedy(known, bool(named))}"
    except CampaignError as error:
        return str(error)
    return None


def _attempt(campaign: Campaign, data: bytes) -> str:
    try:
        return attempt_name(campaign, Decision.model_validate_json(data))
    except ValidationError:
        return ""


def _remedy(known: KnownKey | None, is_named: bool) -> str:
    """What to do about a damaged object: most of what no commit names is written again by the next run."""
    kind = "" if known is None else known.kind
    if kind in ("features", "quarantine", "space"):
        return "Delete it and run again: the embed stage writes it again; features that were imported come by init."
    if kind in ("index", "ids"):
        return "Delete it: the embed stage writes it again, and what lacks it reads more."
    if kind == "map":
        return "Delete it: it is made again from the features."
    if kind == "complete":
        return "Delete it: the table of labels is then read in its place."
    if kind in ("prediction", "predictions", "listed"):
        return "Delete it, and run the prediction again: it is then made again."
    if kind in ("record", "result", "decision", "receipt", "timing", "sums", "notification") and not is_named:
        return "Delete it: the next run writes what it needs again."
    return "Restore it from a backup."
