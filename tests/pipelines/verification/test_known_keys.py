"""Keys are told apart by what they look like."""

import pytest

from labelcycle.pipelines.verification.known_objects import known_key

A, B = "0123456789abcdef", "fedcba9876543210"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("campaign.json", "campaign"),
        ("cycles/12/commit.json", "commit"),
        (f"cycles/12/{A}/decision.json", "decision"),
        (f"cycles/12/{A}/results/train_adapter.json", "record"),
        (f"cycles/12/{A}/results/score-3-of-16.json", "record"),
        (f"cycles/12/{A}/results/score-range-3-of-16.json", "record"),
        (f"cycles/12/{A}/timings/embed-base-3-0123456789ab.json", "timing"),
        ("cycles/timings/sums.json", "sums"),
        (f"cycles/12/{A}/checkpoint.safetensors", "checkpoint"),
        (f"cycles/12/{A}/final.trainer.checkpoint.safetensors", "checkpoint"),
        (f"cycles/12/{A}/head-{B}.safetensors", "result"),
        (f"cycles/12/{A}/adapter/adapter_model-{B}.safetensors", "result"),
        (f"cycles/12/{A}/scores/0-of-1-{B}.parquet", "result"),
        (f"spaces/{A}/space.json", "space"),
        (f"spaces/{A}/part-{A}-{B}.parquet", "features"),
        (f"spaces/{A}/quarantine-{A}-{B}.parquet", "quarantine"),
        (f"spaces/{A}/index-0000012-001-{B}.json", "index"),
        (f"spaces/{A}/ids-{B}.parquet", "ids"),
        (f"pool/ids/{A}-{B}.parquet", "ids"),
        (f"labels/3-{B}.parquet", "votes"),
        (f"consensus/3-{B}.parquet", "consensus"),
        (f"history/3-{B}.json", "history"),
        (f"history/0-7-cycles-{B}.json", "history"),
        (f"history/8-11-requests-{B}.parquet", "history"),
        (f"pool/truth/{B}.parquet", "table"),
        (f"oracle/{B}.parquet", "table"),
        (f"oracle/{B}.json", "complete"),
        (f"weights/{A * 4}.safetensors", "weights"),
        (f"weights/text/{A * 4}.json", "weights"),
        ("queries/cycle-0003.csv", "handout"),
        ("queries/cycle-12345.json", "receipt"),
        ("promotions/000003.json", "promotion"),
        ("backtest/results.parquet", "backtest"),
        ("mlflow.db", "tracking"),
        ("mlflow.db.lock", "tracking"),
        ("mlflow.db-journal", "tracking"),
        ("mlartifacts/1/models/m-1/artifacts/head.safetensors", "tracking"),
    ],
)
def test_what_a_campaign_writes(key: str, kind: str) -> None:
    known = known_key(key)
    assert known is not None and known.kind == kind


def test_the_parts_of_a_key() -> None:
    known = known_key(f"cycles/12/{A}/head-{B}.safetensors")
    assert known is not None and known.parts == {"cycle": "12", "attempt": A, "digest": B}


@pytest.mark.parametrize(
    "key",
    [
        "campaign.json.bak",
        "cycles/x/commit.json",
        f"cycles/1/{A}/head.safetensors",
        f"cycles/1/{A[:8]}/decision.json",
        f"spaces/{A}/part-0001.parquet",
        f"history/8-requests-{B}.parquet",
        "notes.txt",
        "queries/cycle-1.csv",
    ],
)
def test_what_it_does_not_write(key: str) -> None:
    assert known_key(key) is None
