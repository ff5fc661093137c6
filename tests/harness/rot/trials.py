"""Trials: a campaign in the middle of a cycle, one of its objects damaged, and the cycle run to its end."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.begin import begin_campaign
from labelcycle.pipelines.verification.findings import Finding
from labelcycle.pipelines.verification.known_objects import known_key
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import TRAINING, Bench, write_embeddings
from tests.harness.committed_objects import cycle_that_wrote
from tests.harness.quick_campaign import request
from tests.harness.rot.ways import WAYS

Outcome = Literal["named", "refused", "unused", "believed", "crashed"]
"""`named`: a stage refused the object by name. `refused`: it stopped with an error of our own that names what lacks.
`unused`: the cycle was committed just as without the damage. `believed`: it was committed otherwise. `crashed`: by an
error that is not our own. The last two must not be."""

STAGES = ("label_ingest", *TRAINING)
NEVER_CHECKED = ("handout", "checkpoint")
"""People write into deliveries, and a checkpoint is checked by the training that goes on from it."""


@dataclass(frozen=True)
class Point:
    """A campaign before a stage: a copy of its root, its cycle and its attempt.

    `findings` is what verify says of it as it is, such as that a cycle is under way.
    """

    stage: str
    root: Path
    cycle: int
    attempt: str
    findings: list[Finding]

    def may_lose(self, key: str, kind: str) -> bool:
        """Whether nobody can say that it ought to be there: what is made again, and what no commit names yet."""
        under_way = self.stage != "label_ingest" and cycle_that_wrote(key) == self.cycle
        return kind in ("timing", "sums", "index", "ids", "map", "complete") or under_way


@dataclass(frozen=True)
class Trial:
    """What was damaged, when, how, and what came of it.

    Attributes:
        before: the stage that ran next.
        key: the damaged object.
        kind: its kind.
        way: how it was damaged.
        verified: whether `labelcycle verify` told of it; None where it does not look, or cannot know.
        outcome: what the stages made of it.
        message: the error, or what differs.
    """

    before: str
    key: str
    kind: str
    way: str
    verified: bool | None
    outcome: Outcome
    message: str

    @property
    def is_violation(self) -> bool:
        """Whether something was made from damage, crashed on it, or was not found by verify."""
        return self.outcome in ("believed", "crashed") or self.verified is False


@dataclass(frozen=True)
class Scene:
    """A campaign whose second trained cycle was watched.

    Attributes:
        points: before each stage of it.
        commit: what the cycle ended in, undisturbed.
    """

    points: list[Point]
    commit: bytes


def prepare(folder: Path) -> Scene:
    """Run a campaign on frozen features to its second trained cycle, and keep a copy before each stage of that."""
    root = folder / "campaign"
    begin_campaign(*request(str(root), write_embeddings(folder / "embeddings.npz"), cycles=3))
    campaign = Bench(str(root))
    campaign.run_cycle()
    campaign.run_cycle()
    points = []
    for stage in STAGES:
        copy = shutil.copytree(root, folder / f"before-{stage.replace(' ', '-')}")
        points.append(Point(stage, copy, campaign.cycle, campaign.attempt, _findings(copy)))
        _run(campaign, stage)
    return Scene(points, (root / f"cycles/{campaign.cycle}/commit.json").read_bytes())


def attempt(scene: Scene, folder: Path, seed: int) -> Trial:
    """Damage an object drawn by the seed, in a way and at a moment drawn by it, and run the cycle to its end."""
    chance = random.Random(seed)
    point = scene.points[chance.randrange(len(scene.points))]
    way = chance.choice(sorted(WAYS))
    kinds: dict[str, list[str]] = {}
    for key in open_store(str(point.root)).keys(""):
        known = known_key(key)
        assert known is not None, f"{key} is of no known kind"
        kinds.setdefault(known.kind, []).append(key)
    kind = chance.choice(sorted(kinds))
    key = chance.choice(kinds[kind])
    root = shutil.copytree(point.root, folder)
    changed = _damage(root / key, way, chance)
    try:
        campaign = Bench(str(root))
        campaign.cycle, campaign.attempt = point.cycle, point.attempt
        unknowable = not (root / key).exists() and point.may_lose(key, kind)
        verified = None
        if changed and kind not in NEVER_CHECKED and not unknowable:
            verified = _is_found(root, point.findings)
        outcome, message = _outcome(scene, campaign, point.stage, key)
    finally:
        shutil.rmtree(root)
    return Trial(point.stage, key, kind, way, verified, outcome, message)


def _damage(path: Path, way: str, chance: random.Random) -> bool:
    """Whether the content is another now."""
    before = path.read_bytes()
    after = WAYS[way](before, chance)
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    return after != before


def _is_found(root: Path, before: list[Finding]) -> bool:
    """Whether verify tells of the damage, by a fault or, where it does no harm that it is gone, by a note."""
    try:
        return _findings(root) != before
    except LabelcycleError:
        return True


def _findings(root: Path) -> list[Finding]:
    return verify_campaign(open_store(str(root))).findings


def _outcome(scene: Scene, campaign: Bench, stage: str, key: str) -> tuple[Outcome, str]:
    try:
        for following in STAGES[STAGES.index(stage) :]:
            _run(campaign, following)
    except LabelcycleError as error:
        return ("named" if key in str(error) else "refused"), str(error)
    except Exception as error:
        return "crashed", f"{type(error).__name__}: {error}"
    commit = (Path(campaign.root) / f"cycles/{campaign.cycle}/commit.json").read_bytes()
    return ("unused", "") if commit == scene.commit else ("believed", "the commit is another")


def _run(campaign: Bench, stage: str) -> Any:
    return campaign.ingest() if stage == "label_ingest" else campaign.run(stage)
