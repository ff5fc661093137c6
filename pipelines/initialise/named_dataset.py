"""A dataset by its name in Hugging Face's `datasets`, which loads it; needs that package (`labelcycle[datasets]`).

Its images are then those of the Arrow streams that `datasets` keeps in its cache (`HF_HOME`), read where they lie.
"""

from labelcycle.components.core.errors import ConfigurationError, InputError

SCHEME = "datasets:"
"""What `--images` begins with where it names a dataset: `datasets:NAME` or `datasets:NAME:CONFIGURATION`."""


def files_of_dataset(source: str) -> dict[str, str]:
    """Load a dataset, from its publisher or from what was loaded before.

    Args:
        source: `datasets:` and its name, or the path of a folder that `datasets` can load; behind another colon the
            configuration, where there are several.

    Returns:
        The path of each Arrow stream, by its split and number, such as `train/00000.arrow`.

    Raises:
        ConfigurationError: the package is not installed.
        InputError: there is no such dataset or configuration, it cannot be fetched, or it has no files.
    """
    try:
        import datasets
    except ImportError as error:
        raise ConfigurationError(
            f"--images {source} names a dataset, which takes Hugging Face's datasets. Install labelcycle[datasets], or "
            "name a folder where the dataset was saved."
        ) from error
    name, _, configuration = source.removeprefix(SCHEME).partition(":")
    try:
        loaded = datasets.load_dataset(name, configuration or None)
    except Exception as error:  # what loading raises depends on the dataset and on where it lies
        said = [*str(error).strip().splitlines(), type(error).__name__][0].rstrip(".")
        raise InputError(
            f"--images {source}: datasets cannot load {name!r}: {said}. Correct the name, add a configuration as "
            f"{SCHEME}NAME:CONFIGURATION, or load it once where its publisher can be reached."
        ) from error
    files = {
        f"{split}/{number:05d}.arrow": str(file["filename"])
        for split, rows in loaded.items()
        for number, file in enumerate(rows.cache_files)
    }
    if not files:
        raise InputError(f"--images {source}: datasets keeps no files of it. Save it on disk, and name that folder.")
    return files
