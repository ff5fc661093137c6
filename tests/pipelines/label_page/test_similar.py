"""Labelled samples that look alike, also where the space of the newest model lacks some."""

from dataclasses import replace

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.label_page.similar import SimilarSamples
from tests.conftest import Bench
from tests.pipelines.label_page.conftest import session_of


def test_features_of_the_backbone_stand_in_for_those_of_a_model(bench: Bench) -> None:
    queries = session_of(bench).queries
    asked = [request.sample_id for request in queries.asked]
    labels = dict.fromkeys(asked[1:], "red")
    expected = SimilarSamples(open_store(bench.root), queries).labelled_like(asked[0], labels, 3)
    assert len(expected) == 3 and asked[0] not in expected
    pruned = replace(queries, space="0123456789abcdef")
    assert SimilarSamples(open_store(bench.root), pruned).labelled_like(asked[0], labels, 3) == expected
