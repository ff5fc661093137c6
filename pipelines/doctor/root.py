"""The campaign's root: that it answers, can be written, lets one writer of several win, and has the time of day.

What is tried is written under `doctor/`, which no campaign uses, and deleted where there is a right to.
"""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.campaign import KEY, load_campaign
from labelcycle.components.core.errors import ConfigurationError, LabelcycleError
from labelcycle.components.core.storage.deletion import Deleter, FolderDeleter, S3Deleter, StoredObject
from labelcycle.components.core.storage.open import open_store
from labelcycle.components.core.storage.store import Store
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, failed_by, passed, warned

FOLDER = "doctor"
ATTEMPTS, READ_SECONDS = 2, 10
WRITERS = 8
"""How many write at the same instant."""

LATE_SECONDS = 60
REFUSED_SECONDS = 15 * 60
"""S3 refuses requests from a clock that differs by more."""


class StoreExamination:
    """Looks at one root; what comes later needs what came before.

    Attributes:
        tool: the address of the campaign's labelling tool; empty where none was found yet.
        tells_by: the variables that it takes to tell people as the campaign wants; none where it tells nobody.
    """

    def __init__(self, root: str, in_cluster: bool) -> None:
        """Look at a root.

        Args:
            root: a folder or an S3 prefix.
            in_cluster: whether pods are to work on it.
        """
        self.tool = ""
        self.tells_by: tuple[str, ...] = ()
        self._root, self._in_cluster = root, in_cluster
        self._store: Store | None = None
        self._deleter: Deleter | None = None
        self._ahead: list[float] = []

    def checks(self) -> list[Check]:
        """What to look at."""
        return [
            Check("store", "root", self.root_answers),
            Check("store", "conditional writes", self.conditional_writes),
            Check("store", "clock", self.clock),
            Check("store", "campaign", self.campaign),
        ]

    def root_answers(self) -> Iterator[CheckResult]:
        """Whether the root can be opened and listed."""
        if self._in_cluster and not self._root.startswith("s3://"):
            yield failed(
                "root",
                f"{self._root} is a folder of this machine, which pods in a cluster cannot read",
                "Name a root in an object store, s3://bucket/prefix; or ask about --engine local.",
            )
            return
        try:
            store, deleter = self._open()
            store.folders("")
        except LabelcycleError as error:
            yield failed_by("root", error)
            return
        self._store, self._deleter = store, deleter
        yield passed("root", f"{store.root} answers")

    def _open(self) -> tuple[Store, Deleter]:
        if not self._root.startswith("s3://"):
            store = open_store(self._root)
            return store, FolderDeleter(Path(store.root))
        from labelcycle.components.core.storage.s3 import S3Store
        from labelcycle.components.core.storage.s3_connection import s3_client_that_waits

        client = s3_client_that_waits(ATTEMPTS, READ_SECONDS)
        client.meta.events.register("after-call.s3", self._note_time)
        s3 = S3Store(self._root, client)
        return s3, S3Deleter(s3.root, client)

    def _note_time(self, http_response: Any, **rest: Any) -> None:
        """Called with each answer of the server: by how much its clock is ahead of this one."""
        with suppress(TypeError, ValueError):
            self._ahead.append(parsedate_to_datetime(http_response.headers.get("Date")).timestamp() - time.time())

    def conditional_writes(self) -> Iterator[CheckResult]:
        """Whether the root can be written, and one writer of several wins, at the same instant and one by one."""
        if self._store is None or self._deleter is None:
            return
        store, deleter, key = self._store, self._deleter, f"{FOLDER}/{uuid.uuid4().hex}"
        with _as_it_was(store.root):
            try:
                yield _only_one_writes(store, key)
                self._note_time_of_file(key)
            except LabelcycleError as error:
                yield failed_by("conditional writes", error)
            yield from _tidied(store, deleter, key)

    def _note_time_of_file(self, key: str) -> None:
        """By how much the clock of a folder's file system is ahead, which may be another machine's."""
        if self._store is not None and "://" not in self._store.root:
            self._ahead.append((Path(self._store.root) / key).stat().st_mtime - time.time())

    def clock(self) -> Iterator[CheckResult]:
        """Whether this machine and the store agree on the time of day."""
        if not self._ahead:
            return
        ahead = self._ahead[-1]
        words = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
        if abs(ahead) <= LATE_SECONDS:
            yield passed("clock", f"the store's agrees with this machine's to {LATE_SECONDS} s")
        elif abs(ahead) < REFUSED_SECONDS:
            remedy = "Let both keep time by NTP: what is kept and pruned goes by age."
            yield warned("clock", f"the store's is {words}", remedy)
        else:
            yield failed("clock", f"the store's is {words}", "Set the clock that is wrong; S3 refuses such requests.")

    def campaign(self) -> Iterator[CheckResult]:
        """What is in the root already, and whether pods can read what it names."""
        if self._store is None:
            return
        try:
            if not self._store.exists(KEY):
                yield passed("campaign", "none yet; labelcycle init begins one")
                return
            campaign = load_campaign(self._store)
            self.tool = campaign.labelling.tool.url if campaign.labelling.tool is not None else ""
            notify = read_amended_campaign(self._store, campaign).campaign.notify
            self.tells_by = () if notify is None else notify.variables
            if self._in_cluster:
                from labelcycle.pipelines.kubeflow.cluster_campaign import open_cluster_campaign

                open_cluster_campaign(self._root)
        except LabelcycleError as error:
            yield failed_by("campaign", error)
            return
        yield passed("campaign", f"{campaign.identifier}, by recipe {campaign.recipe.name}")


def _only_one_writes(store: Store, key: str) -> CheckResult:
    """Let several write one key at the same instant, and another afterwards.

    Raises:
        LabelcycleError: the store cannot be written, or has no conditional writes.
    """
    with ThreadPoolExecutor(WRITERS) as threads:
        writes = [threads.submit(store.write_if_absent, key, f"writer {number}".encode()) for number in range(WRITERS)]
    winners = [f"writer {number}".encode() for number, write in enumerate(writes) if write.result()]
    if store.write_if_absent(key, b"a later writer") or (store.read(key) not in winners):
        raise ConfigurationError(
            f"{store.locate(key)} was replaced by a write on condition that it is absent. Put the campaign on a store "
            "that has conditional writes (If-None-Match), without which two runs cannot be kept apart."
        )
    if len(winners) > 1:
        return warned(
            "conditional writes",
            f"a later write is refused, but of {WRITERS} at the same instant {len(winners)} were taken",
            "Update the store, or never start two runs of a campaign at once by hand; engines start one at a time.",
        )
    return passed("conditional writes", f"of {WRITERS} at the same instant one was taken, and a later one refused")


def _tidied(store: Store, deleter: Deleter, key: str) -> Iterator[CheckResult]:
    try:
        deleter.delete([StoredObject(key, 0, 0.0)])
    except LabelcycleError:
        yield passed(
            "clean-up",
            f"{store.locate(key)} stays, as there is no right to delete, which stages do not need; it does no harm",
        )


@contextmanager
def _as_it_was(root: str) -> Iterator[None]:
    """Remove folders that come into being inside this context and are empty at its end; for a root that is a folder."""
    if "://" in root:
        yield
        return
    made, path = [Path(root) / FOLDER], Path(root)
    while not path.exists():
        made.append(path)
        path = path.parent
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
