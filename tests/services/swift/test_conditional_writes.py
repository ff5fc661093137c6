"""How far a conditional put keeps two writers apart on Swift.

Swift looks whether the object is there when a write begins, not when it ends. So a write that begins after another has
ended is refused; of two at the same instant both may be told that they have won, and the later one's content stays.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from labelcycle.components.core.storage import Store, open_store

WRITERS = 8
ROUNDS = 10


def test_only_the_first_of_many_writers_wins(swift_root: str) -> None:
    stores = [open_store(swift_root) for _ in range(WRITERS)]
    won = [store.write_if_absent("commit.json", str(number).encode()) for number, store in enumerate(stores)]
    assert won == [True] + [False] * (WRITERS - 1)
    assert stores[-1].read("commit.json") == b"0"


def test_writers_at_the_same_instant_leave_the_whole_content_of_one_that_was_told_so(store: Store) -> None:
    together = threading.Barrier(WRITERS)

    def attempt(key: str, number: int) -> bool:
        together.wait()
        return store.write_if_absent(key, str(number).encode() * 5000)

    with ThreadPoolExecutor(WRITERS) as executor:
        for turn in range(ROUNDS):
            key = f"{turn}/commit.json"
            won = list(executor.map(attempt, [key] * WRITERS, range(WRITERS)))
            assert store.read(key) in {str(number).encode() * 5000 for number in range(WRITERS) if won[number]}
            assert not store.write_if_absent(key, b"too late")
