"""All targets by name."""

from tests.harness.fuzz.readers import (
    campaign_files,
    embeddings,
    heads,
    image_sources,
    images,
    label_files,
    label_studio_answers,
    lists,
    recipes,
    tables,
)
from tests.harness.fuzz.target import Target

MODULES = (
    label_files,
    label_studio_answers,
    recipes,
    campaign_files,
    tables,
    heads,
    images,
    image_sources,
    lists,
    embeddings,
)
TARGETS: dict[str, Target] = {target.name: target for module in MODULES for target in module.TARGETS}
