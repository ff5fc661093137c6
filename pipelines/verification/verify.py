"""`labelcycle verify`: look at everything under a campaign's root, change nothing, and report what is wrong."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from labelcycle.components.core.campaign.amendments import FOLDER, AmendedCampaign, read_amended_campaign
from labelcycle.components.core.campaign.campaign import KEY, Campaign, load_campaign
from labelcycle.components.core.campaign.commits import Commit, commit_key, read_commit
from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.core.storage import Store
from labelcycle.components.tracking.promotion_history import read_history
from labelcycle.pipelines.verification.chain import check_chain
from labelcycle.pipelines.verification.contents import check_contents
from labelcycle.pipelines.verification.features_and_images import check_images, check_spaces, images_of
from labelcycle.pipelines.verification.findings import ERASE_AGAIN, Finding
from labelcycle.pipelines.verification.histories import check_histories, read_histories
from labelcycle.pipelines.verification.known_objects import Named, known_key, named_objects
from labelcycle.pipelines.verification.records_and_deliveries import check_hand_outs, check_records


@dataclass
class Verification:
    """What was looked at, and what was found.

    Attributes:
        root: the campaign's address.
        campaign: its identifier; empty where its description cannot be read.
        cycles: committed cycles.
        objects: how many objects of each kind were looked at.
        bytes_read: bytes that were read.
        images: images that were looked at.
        findings: what was found, faults and notes.
    """

    root: str
    campaign: str = ""
    cycles: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    bytes_read: int = 0
    images: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def faults(self) -> list[Finding]:
        """What makes the campaign unsound."""
        return [finding for finding in self.findings if finding.is_fault]


def verify_campaign(store: Store, with_images: bool = False) -> Verification:
    """Check a campaign as a whole. Nothing is written.

    Every object is read and compared with the digests that name it; commits have to follow on each other from the first
    to the last; queries have to keep to the pool and the budget; promotions have to be a chain.

    Args:
        store: the campaign's.
        with_images: read every image as well, and compare it with the digest taken when the campaign began.

    Raises:
        CampaignError: there is no campaign.

    Cost: reads everything under the root once; memory for a few objects, and for the ids of all samples.
    """
    result = Verification(store.root)
    keys = store.keys("")
    if KEY not in keys:
        load_campaign(store)
    try:
        campaign = load_campaign(store)
    except CampaignError as error:
        result.findings.append(Finding("damaged", KEY, str(error)))
        return result
    amended = AmendedCampaign(campaign)
    try:
        amended = read_amended_campaign(store, campaign)
        campaign = amended.campaign
    except CampaignError as error:
        result.findings.append(Finding("damaged", FOLDER, str(error)))
    result.campaign = campaign.identifier
    commits = _commits(store, keys, result)
    result.cycles = len(commits)
    histories = read_histories(store, commits)
    _check_contents(
        store, campaign, keys, named_objects(amended.versions, commits, histories.values()), commits, result
    )
    reported = {finding.place for finding in result.findings}
    if any(finding.message == ERASE_AGAIN for finding in result.findings):
        return result  # objects with and without the samples say different things until it is finished
    result.findings += [
        one for one in check_chain(store, amended.versions, commits) if one.place not in reported or not one.is_fault
    ]
    result.findings += check_histories(store, commits, histories)
    result.findings += check_records(store, keys, commits)
    result.findings += check_hand_outs(store, campaign, commits)
    result.findings += check_spaces(store, amended, commits)
    _check_promotions(store, result)
    if with_images:
        result.images = images_of(store, campaign)
        with Progress("images", result.images, "image") as progress:
            result.findings += check_images(store, campaign, progress.advance)
    result.findings = list(dict.fromkeys(result.findings))
    return result


def _commits(store: Store, keys: list[str], result: Verification) -> list[Commit]:
    """The commits that can be read, in order; what is wrong with the others is reported."""
    known = [known for key in keys if (known := known_key(key)) is not None and known.kind == "commit"]
    numbers = sorted(int(one.parts["cycle"]) for one in known)
    commits: list[Commit] = []
    for cycle in range(numbers[-1] + 1 if numbers else 0):
        try:
            commit = read_commit(store, cycle)
        except CampaignError as error:
            result.findings.append(Finding("damaged", commit_key(cycle), str(error)))
            continue
        if commit is None:
            message = "It is missing although a later cycle is committed. Restore it from a backup."
            result.findings.append(Finding("missing", commit_key(cycle), message))
        else:
            commits.append(commit)
    return commits


def _check_contents(
    store: Store, campaign: Campaign, keys: list[str], named: Named, commits: list[Commit], result: Verification
) -> None:
    counts: Counter[str] = Counter()
    with Progress("objects", len(keys), "object") as progress:
        for content in check_contents(store, campaign, keys, named, partial(progress.advance, 1)):
            counts["foreign" if content.known is None else content.known.kind] += 1
            result.bytes_read += content.size
            if content.finding is not None and content.key not in {finding.place for finding in result.findings}:
                result.findings.append(content.finding)
    answers = {campaign.labels_from} if campaign.labels_from and is_own_table(campaign.labels_from) else set()
    for key in sorted((named.keys() | answers) - set(keys)):
        message = "It is missing although the campaign refers to it. Restore it from a backup."
        result.findings.append(Finding("missing", key, message))
    committed = {commit.attempt for commit in commits}
    attempts = {known.parts["attempt"] for key in keys if (known := known_key(key)) and "attempt" in known.parts}
    if unfinished := attempts - committed:
        message = (
            f"{len(unfinished)} attempts were never committed; they do no harm, and may be deleted once all rests."
        )
        result.findings.append(Finding("note", "cycles", message))
    result.objects = dict(sorted(counts.items()))


def _check_promotions(store: Store, result: Verification) -> None:
    try:
        read_history(store)
    except CampaignError as error:
        result.findings.append(Finding("damaged", "promotions", str(error)))
