"""What `labelcycle status` loads: nothing that takes longer to load than to tell what stands in a few small objects."""

from collections.abc import Callable
from typing import Any

from tests.harness.loaded_modules import loaded_by

SLOW = {"numpy", "pyarrow", "pandas", "scipy", "torch", "mlflow", "requests", "boto3", "yaml", "matplotlib", "faiss"}


def test_a_campaign_that_keeps_its_labels(begin: Callable[..., Any]) -> None:
    campaign = begin()
    for _ in range(2):
        campaign.run_cycle()
    loaded = loaded_by("status", campaign.root)
    assert "labelcycle.components.label_ingest.awaited_labels" in loaded
    assert sorted(SLOW & loaded) == []


def test_a_campaign_that_people_label_in_a_csv(labelled_by_people: Any) -> None:
    labelled_by_people.fill_in(3, "cat")
    loaded = loaded_by("status", labelled_by_people.root, "--json")
    assert "labelcycle.components.label_ingest.awaited_labels" in loaded
    assert sorted(SLOW & loaded) == []
