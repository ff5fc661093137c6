"""Content without erased samples, kind by kind."""

import pytest

from labelcycle.components.core.storage.objects import sealed, unsealed
from labelcycle.pipelines.amending.erased_content import erased_csv, erased_json


def test_sealed_json_is_sealed_again() -> None:
    data = sealed({"asked": ["gone.png", "kept.png"], "rows": [{"sample_id": "gone.png"}, {"sample_id": "kept.png"}]})
    again = erased_json(data, {"gone.png": "erased-1"})
    assert again is not None
    assert unsealed(again, "queries/cycle-0000.json", "a record") == {
        "asked": ["erased-1", "kept.png"],
        "rows": [{"sample_id": "kept.png"}],
    }
    assert erased_json(data, {"other.png": "erased-1"}) is None


@pytest.mark.parametrize(("name", "written"), [("gone.png", "gone.png"), ("=gone", "./=gone"), ("./gone", "./gone")])
def test_a_query_s_csv_is_without_them_however_it_names_them(name: str, written: str) -> None:
    data = f"sample_id,label\n{written},red\nkept.png,blue\n".encode()
    assert erased_csv(data, {name: "erased-1"}) == b"sample_id,label\nkept.png,blue\n"
    assert erased_csv(data, {"other": "erased-1"}) is None
