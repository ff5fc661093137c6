"""Deleting what a plan lists, so that a kill at any moment leaves a sound campaign and the rest for the next time."""

from collections.abc import Callable, Sequence

from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.deletion import Deleter
from labelcycle.components.core.storage.objects import sealed
from labelcycle.pipelines.pruning.prunable import Prunable
from labelcycle.pipelines.verification.known_objects import pruned_key


def prune(
    store: Store, deleter: Deleter, plan: Sequence[Prunable], advance: Callable[[int], None] = lambda objects: None
) -> None:
    """Delete the objects of a plan.

    A feature space is first marked as pruned, so that `labelcycle verify` knows why its features are gone. Indexes and
    records go before what they name.

    Args:
        store: the campaign's.
        deleter: of the same root.
        plan: of `plan_pruning`.
        advance: called with the number of objects of each entry once they are deleted.

    Raises:
        ConfigurationError: there is no right to delete.
        TransientError: some objects could not be deleted.
    """
    for entry in plan:
        if entry.kind == "feature space":
            space = entry.place.rpartition("/")[2]
            content = {"objects": len(entry.objects), "bytes": entry.size}
            store.write_if_absent(pruned_key(space), sealed(content))
        deleter.delete(sorted(entry.objects, key=lambda found: (not _names_others(found.key), found.key)))
        advance(len(entry.objects))


def _names_others(key: str) -> bool:
    return "/results/" in key or "/index-" in key
