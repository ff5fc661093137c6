"""Feature spaces: the pool's features under one backbone, one transform and one adapter, in Parquet parts."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, TypeAdapter

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone, Precision, Transform
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.embedding import Pooling, Provenance, TextProvenance
from labelcycle.components.core.digests import digest_of_bytes, digest_of_json
from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import fetch_named, write_json
from labelcycle.components.core.storage.parquet_files import open_parquet
from labelcycle.components.core.storage.tables import (
    QUARANTINE,
    column_to_matrix,
    features_schema,
    matrix_to_column,
    table_bytes,
    with_schema,
)

NAME_OF_PART = re.compile(r"(?:part|quarantine)-[0-9a-f]{16}-[0-9a-f]{16}\.parquet")

EMBED = (
    "Run the embed stage, with the platform's cache switched off; imported features are written by the same labelcycle "
    "init."
)

WRITE_ANEW = (
    "Delete it and run again: embed writes it again; imported features are written by the same labelcycle init."
)


class BackboneProvenance(Provenance):
    """What features made by a backbone depend on.

    `adapter_sha256` is None for the backbone as it comes; `pooling` is not there where the network does it by itself.
    """

    kind: Literal["backbone"]
    backbone: str
    weights_sha256: str
    transform: Transform
    precision: Precision
    adapter_sha256: str | None
    pooling: Pooling = "network"


class ImportedProvenance(Provenance):
    """What a user's embeddings depend on: the digest of their file, and what they were centred and scaled by.

    The last two are not there where the embeddings were kept as they are.
    """

    kind: Literal["imported"]
    sha256: str
    centre: list[float] | None = None
    scale: list[float] | None = None

    @property
    def feature_scale(self) -> FeatureScale | None:
        """What new features have to be centred and scaled by too."""
        if self.centre is None or self.scale is None:
            return None
        return FeatureScale(np.array(self.centre, np.float64), np.array(self.scale, np.float64))


DIGITS = 16
"""Of a space's name."""


def backbone_provenance(backbone: Backbone, adapter_sha256: str | None) -> BackboneProvenance:
    """The provenance of features made by a backbone, with an adapter or None."""
    found = BackboneProvenance(
        kind="backbone",
        backbone=backbone.name,
        weights_sha256=backbone.weights.sha256,
        transform=backbone.transform,
        precision=backbone.precision,
        adapter_sha256=adapter_sha256,
    )
    return found if backbone.pooling == "network" else found.model_copy(update={"pooling": backbone.pooling})


def imported_provenance(sha256: str, scale: FeatureScale | None) -> ImportedProvenance:
    """The provenance of a user's embeddings.

    Args:
        sha256: of their file.
        scale: what they were centred and scaled by; None where they were kept as they are.
    """
    found = ImportedProvenance(kind="imported", sha256=sha256)
    return found if scale is None else found.model_copy(update=scale.as_provenance())


def space_name(provenance: Provenance) -> str:
    """The space's name: 16 hexadecimal digits of the digest of its provenance."""
    return digest_of_json(provenance.as_json())[:DIGITS]


_PROVENANCE: TypeAdapter[BackboneProvenance | ImportedProvenance | TextProvenance] = TypeAdapter(
    Annotated[BackboneProvenance | ImportedProvenance | TextProvenance, Field(discriminator="kind")]
)


class FeatureSpace:
    """Rows of features by sample id. Parts are only ever added, each written atomically."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name

    def describe(self, provenance: Provenance) -> None:
        """Write `space.json`, which says what the space was made from."""
        write_json(self._store, f"spaces/{self.name}/space.json", provenance.as_json())

    def provenance(self) -> BackboneProvenance | ImportedProvenance | TextProvenance:
        """What the space was made from, as `space.json` has it.

        Raises:
            CampaignError: it is gone, or not what the space's name is the digest of.
        """
        key = f"spaces/{self.name}/space.json"
        try:
            found = json.loads(self._store.read(key))
            if digest_of_json(found)[:DIGITS] == self.name:
                return _PROVENANCE.validate_python(found)
            fault = "is not what its folder is named by"
        except FileNotFoundError:
            fault = "is gone"
        except (ValueError, RecursionError) as error:
            fault = f"is not JSON: {error}"
        raise CampaignError(
            f"{self._store.locate(key)} {fault}. Restore it, or write it again with the same labelcycle init or the "
            "embed stage."
        )

    def ids(self) -> set[str]:
        """Ids of all samples that have features here."""
        found: set[str] = set()
        for key in self._parts():
            found.update(self._read_part(key, ["sample_id"])["sample_id"].to_pylist())
        return found

    def add(self, ids: Sequence[str], features: npt.NDArray[np.float16]) -> None:
        """Add rows as one part, named by its ids and its content. Rows that are there already stay as they are.

        Args:
            ids: B sample ids.
            features: float16, shape (B, d).

        Raises:
            InputError: a value is NaN or infinite; the samples are named.
        """
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            names = ", ".join(repr(ids[row]) for row in np.flatnonzero(bad)[:5])
            raise InputError(
                f"{int(bad.sum())} feature vectors hold NaN or infinite values (or values beyond float16's ±65504): "
                f"{names}. Mend or remove these samples."
            )
        schema = features_schema(features.shape[1])
        table = pa.table([pa.array(ids, pa.string()), matrix_to_column(features)], schema=schema)
        name = f"spaces/{self.name}/part-{digest_of_json(list(ids))[:16]}"
        if not self._store.keys(f"{name}-"):
            data = table_bytes(table)
            self._store.write(f"{name}-{digest_of_bytes(data)[:16]}.parquet", data)

    def read(self, ids: Sequence[str] | None = None) -> tuple[list[str], npt.NDArray[np.float16]]:
        """Features of `ids` (or of all samples), sorted by id; samples that were set aside as unreadable are left out.

        Returns:
            The ids found, and their features: float16, shape (rows, d).

        Raises:
            CampaignError: a sample has no features and was not set aside either; or a part is damaged, or none of
                labelcycle's.

        Cost: memory for the wanted rows, and for one part at a time beside them.
        """
        wanted = None if ids is None else pa.array(ids, pa.string())
        parts: list[pa.Table] = []
        for key in self._parts():
            part = self._read_part(key)
            if wanted is not None:
                part = part.filter(pc.is_in(part["sample_id"], value_set=wanted))
            parts.append(part)
        if not parts:
            raise CampaignError(f"Feature space {self.name} of {self._store.root} is empty. {EMBED}")
        widths = {part.schema.field("feature").type.list_size for part in parts}
        if len(widths) > 1:
            raise CampaignError(
                f"The parts of {self._store.locate(f'spaces/{self.name}')} hold vectors of {sorted(widths)} values. "
                "Delete the folder and run again."
            )
        table = pa.concat_tables(parts).sort_by("sample_id").combine_chunks()
        names: list[str] = table["sample_id"].to_pylist()
        features = column_to_matrix(table["feature"]).astype(np.float16, copy=False)
        fresh = [row for row in range(len(names)) if row == 0 or names[row] != names[row - 1]]
        if len(fresh) < len(names):
            names, features = [names[row] for row in fresh], features[fresh]
        if ids is not None and len(names) < len(ids):
            self._refuse_lost(set(ids).difference(names))
        return names, features

    def parts(self, ids: Iterable[str]) -> Iterator[npt.NDArray[np.float16]]:
        """Features of those of `ids` that have any, part by part, in no order that can be relied on, each id once.

        Raises:
            CampaignError: a part is damaged, or none of labelcycle's.

        Cost: memory for the ids and one part.
        """
        missing = set(ids)
        for key in self._parts():
            part = self._read_part(key)
            names: list[str] = part["sample_id"].to_pylist()
            rows = [row for row, name in enumerate(names) if name in missing]
            missing.difference_update(names)
            if rows:
                yield column_to_matrix(part["feature"])[rows].astype(np.float16, copy=False)

    def quarantine(self, rows: list[dict[str, str]]) -> None:
        """Add a table of unreadable samples: sample_id, uri and reason of each."""
        data = table_bytes(pa.Table.from_pylist(rows, schema=QUARANTINE))
        ids = digest_of_json([row["sample_id"] for row in rows])[:16]
        self._store.write(f"spaces/{self.name}/quarantine-{ids}-{digest_of_bytes(data)[:16]}.parquet", data)

    def quarantined(self) -> list[dict[str, str]]:
        """Samples that could not be embedded, sorted by id: sample_id, uri and a reason of each."""
        rows: dict[str, dict[str, str]] = {}
        for key in self._store.keys(f"spaces/{self.name}/quarantine-"):
            rows |= {row["sample_id"]: row for row in self._read_part(key).to_pylist()}
        return [rows[sample_id] for sample_id in sorted(rows)]

    def _refuse_lost(self, missing: set[str]) -> None:
        """A platform's cache may have left out an embed stage whose features have been deleted since."""
        lost = sorted(missing.difference(row["sample_id"] for row in self.quarantined()))
        if lost:
            raise CampaignError(
                f"{len(lost)} samples have no features in {self._store.locate(f'spaces/{self.name}')}: {lost[0]!r}, … "
                f"{EMBED}"
            )

    def _read_part(self, key: str, columns: list[str] | None = None) -> pa.Table:
        """The table at `key`, whose name ends in the digest that its content must have."""
        if not NAME_OF_PART.fullmatch(key.rpartition("/")[2]):
            raise CampaignError(
                f"{self._store.locate(key)} is none of labelcycle's files: its name does not end in the digest of its "
                "content. Move it elsewhere and run again."
            )
        try:
            path = fetch_named(self._store, key, WRITE_ANEW)
            with open_parquet(path, once=False) as file:
                schema = _schema_of(file.schema_arrow, key)
                wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
                table = with_schema(file.read(wanted.names), wanted)
                table.validate(full=True)
                return table
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise CampaignError(f"{self._store.locate(key)} is damaged: {error}. {WRITE_ANEW}") from error

    def _parts(self) -> list[str]:
        return self._store.keys(f"spaces/{self.name}/part-")


def _schema_of(found: pa.Schema, key: str) -> pa.Schema:
    """The schema that the table at `key` must have.

    Raises:
        KeyError, ValueError: its features are no vectors of one width.
    """
    if "/quarantine-" in key:
        return QUARANTINE
    vectors = found.field("feature").type
    if not pa.types.is_fixed_size_list(vectors):
        raise ValueError(f"its features are {vectors}")
    return features_schema(vectors.list_size)


def holds_pool(work: Attempt, space: str) -> bool:
    """Whether every readable sample of the pool must have its features in a space once this cycle is embedded.

    Args:
        work: the attempt.
        space: the campaign's base space, or that of this cycle's model.
    """
    campaign = work.campaign
    if space == campaign.base_space and (campaign.backbone is None or campaign.recipe.uses_base_features):
        return True
    asks_for_more = work.decision.query_size > 0
    return asks_for_more and space == work.read_record("training.json", TrainingFacts).space
