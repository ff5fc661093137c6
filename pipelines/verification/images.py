"""Whether the images are still those that the campaign began with."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from labelcycle.components.core.campaign import Campaign, load_pool
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.verification.findings import Finding

AT_ONCE = 8


def check_images(store: Store, campaign: Campaign, advance: Callable[[], None]) -> Iterator[Finding]:
    """Images that are gone, cannot be read, or have changed since the campaign began.

    They are named as notes: each stage that reads an image checks it, and sets it aside.

    Cost: reads every image once; memory for `AT_ONCE` of them.
    """
    pool = load_pool(store, campaign)
    columns = (pool[name].to_pylist() for name in ("sample_id", "uri", "sha256"))
    samples = [(name, uri, sha256) for name, uri, sha256 in zip(*columns, strict=True) if uri and sha256]

    def look(sample: tuple[str, str, str]) -> Finding | None:
        name, uri, sha256 = sample
        try:
            read_unchanged_image(uri, sha256)
        except UnreadableImage as error:
            return Finding("note", uri, f"The image of sample {name!r}: {error}. Restore it, or it is set aside.")
        finally:
            advance()
        return None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from (finding for finding in threads.map(look, samples) if finding is not None)


def images_of(store: Store, campaign: Campaign) -> int:
    """How many images there are to be looked at."""
    pool = load_pool(store, campaign)
    return sum(sha256 is not None for sha256 in pool["sha256"].to_pylist())
