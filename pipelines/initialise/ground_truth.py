"""Manifests of Amazon SageMaker Ground Truth: an object a line, with the image's address and what a labelling job says.

Source: Amazon SageMaker developer guide, "Output Data" (image classification).
"""

from pathlib import Path
from typing import Any

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.json_text import read_json_text
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.text_encoding import open_text
from labelcycle.components.labelling.text_table import refuse_large
from labelcycle.pipelines.initialise.manifest_rows import ManifestRows

ENDING = ".manifest"
ADDRESS = "source-ref"
METADATA = "-metadata"


def is_ground_truth(path: Path, uri: str) -> bool:
    """Whether a file is such a manifest: by its ending, or by its first line where it ends in .jsonl."""
    if uri.lower().endswith(ENDING):
        return True
    if not uri.lower().endswith(".jsonl"):
        return False
    try:
        with open_text(path) as file:
            return f'"{ADDRESS}"' in next((line for line in file if line.strip()), "")
    except ValueError:
        return False


def read_ground_truth(path: Path, uri: str) -> ManifestRows:
    """The rows of such a manifest; a label is the `class-name` in a job's metadata, none where the job has failed.

    Raises:
        InputError: a line is no such object, several jobs have labelled the images, or the job was about boxes, masks
            or several labels; the row is named.
    """
    rows: list[int] = []
    addresses: list[str] = []
    labels: list[str] = []
    jobs: dict[str, int] = {}
    try:
        refuse_large(path.stat().st_size)
        with open_text(path) as file:
            for row, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                record = _object(line, row)
                for job in _jobs_of(record):
                    jobs.setdefault(job, row)
                rows.append(row)
                addresses.append(record[ADDRESS].strip())
                labels.append(next((_label(record[job + METADATA], job, row) for job in _jobs_of(record)), ""))
    except (OSError, ValueError) as error:
        raise InputError(f"{uri} cannot be read as a manifest: {error}.") from error
    if len(jobs) > 1:
        one, other = list(jobs)[:2]
        raise InputError(
            f"{uri}, row {jobs[other]}: labels of the job {other!r}, but those of {one!r} in row {jobs[one]}; "
            f"{ONE_LABEL}. Keep the labels of one job."
        )
    return ManifestRows(rows, addresses, [""] * len(rows), labels, [""] * len(rows))


def _object(line: str, row: int) -> dict[str, Any]:
    try:
        record = read_json_text(line)
    except ValueError as error:
        raise ValueError(f"row {row}: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get(ADDRESS), str):
        raise ValueError(f'row {row} is not an object with an image, such as {{"{ADDRESS}": "s3://bucket/a.jpg"}}')
    return record


def _jobs_of(record: dict[str, Any]) -> list[str]:
    return [name.removesuffix(METADATA) for name in record if name.endswith(METADATA)]


def _label(metadata: Any, job: str, row: int) -> str:
    """What a job says of an image; empty where it has failed."""
    if not isinstance(metadata, dict):
        raise ValueError(f"row {row}: {job + METADATA!r} is not an object")
    if isinstance(name := metadata.get("class-name"), str):
        return name.strip()
    if "failure-reason" in metadata:
        return ""
    kind = str(metadata.get("type", "")).rpartition("/")[2] or "no class-name"
    raise ValueError(f"row {row}: the job {job!r} is of {kind}, but {ONE_LABEL}. Take its fields out")
