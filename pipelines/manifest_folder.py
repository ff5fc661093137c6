"""The whole folder of manifests, static ones and rendered ones, written from the installed package."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.argo.files import rendered_files
from labelcycle.pipelines.argo.rendering import Rendering

PACKAGED = Path(__file__).parents[1] / "manifests"
"""The manifests as they come: beside `pipelines` in the installed package, and in a clone."""

RECORD = ".labelcycle.json"
"""The file that says what was written into the folder, so that writing again replaces nothing else."""

RENDERED_MARK = b"# Written by `labelcycle argo`."
"""How a rendered file begins. `labelcycle argo` may have written it since, and it tells people not to edit it."""

MOST_NAMED = 5


@dataclass(frozen=True)
class Written:
    """What was done.

    Attributes:
        paths: the files of the folder, in order.
        removed: files that an earlier labelcycle wrote and this one does not have, now gone.
    """

    paths: list[Path]
    removed: list[Path]


def manifest_files(rendering: Rendering) -> dict[str, bytes]:
    """The content of every file by its path in the folder, sorted; workflows are rendered, the rest is as it comes."""
    files = {
        path.relative_to(PACKAGED).as_posix(): path.read_bytes()
        for path in PACKAGED.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files |= {name: content.encode() for name, content in rendered_files(rendering).items()}
    return dict(sorted(files.items()))


def write_manifests(rendering: Rendering, folder: Path, force: bool = False) -> Written:
    """Write the folder, or bring one that was written before up to date.

    Files that are not labelcycle's are never touched, such as overlays of one's own beside those written here.

    Args:
        rendering: what the workflows are for.
        folder: where to; made if need be.
        force: also write into a folder of something else, and over files that were edited.

    Raises:
        ConfigurationError: the folder is a file, holds something else, or files in it were edited; nothing is written.
    """
    files = manifest_files(rendering)
    record = _read_record(folder)
    if not force:
        _refuse_foreign(folder, record)
        _refuse_edited(folder, record, files)
    removed = []
    for name in sorted(record.keys() - files.keys()):
        path = folder / name
        if path.is_file() and digest_of_bytes(path.read_bytes()) == record[name]:
            path.unlink()
            removed.append(path)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    digests = {name: digest_of_bytes(content) for name, content in files.items()}
    written = {"labelcycle": version("labelcycle"), "image": rendering.image, "files": digests}
    (folder / RECORD).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return Written([folder / name for name in files], removed)


def _read_record(folder: Path) -> dict[str, str]:
    """The digests of the files that were written before, by path; none where there is no record that can be read."""
    try:
        digests = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in digests.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _refuse_foreign(folder: Path, record: Mapping[str, str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file. Name a new folder for the manifests.")
    if not record and folder.is_dir() and any(folder.iterdir()):
        raise ConfigurationError(
            f"{folder} is not empty, and `labelcycle manifests` did not write it. Name a new folder, or write into "
            "this one with --force: files of the same names are then replaced, others stay."
        )


def _refuse_edited(folder: Path, record: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    edited = [
        name
        for name, content in files.items()
        if (folder / name).is_file() and not _is_own((folder / name).read_bytes(), content, record.get(name))
    ]
    if edited:
        more = f" and {len(edited) - MOST_NAMED} more" if len(edited) > MOST_NAMED else ""
        raise ConfigurationError(
            f"Files in {folder} were changed after they were written: {', '.join(edited[:MOST_NAMED])}{more}. Keep "
            "your changes in an overlay of your own, as its README.md shows, then replace these files with --force."
        )


def _is_own(there: bytes, content: bytes, written: str | None) -> bool:
    """Whether a file that is there may be replaced without asking."""
    rendered = there.startswith(RENDERED_MARK) and content.startswith(RENDERED_MARK)
    return there == content or rendered or digest_of_bytes(there) == written
