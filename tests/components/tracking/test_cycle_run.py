import pytest
from mlflow import MlflowClient

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.runtime.timings import Timing, write_timing
from labelcycle.components.tracking import track_campaign
from labelcycle.components.tracking.cycle_figures import cycle_figures, timing_figures
from tests.cycle_records import TRAINING, cycle_metrics

FIGURES = {
    "labels": 8.0,
    "answers": 8.0,
    "label_cost": 8.0,
    "accuracy": 0.5,
    "macro_f1": 0.25,
    "ece": 0.125,
    "test_samples": 2.0,
    "training_loss": 0.5,
    "trainable_parameters": 7.0,
    "trainable_share": 0.5,
}
"""Of the least that any version writes."""


def test_figures_are_the_finite_numbers():
    training = TRAINING | {"loss": float("inf"), "validation_accuracy": 0.75, "temperature": 2.0}
    later = {"margin": 0.5, "warm": True, "words": "of a later version"}
    expected = FIGURES | {"validation_accuracy": 0.75, "temperature": 2.0, "margin": 0.5}
    found = cycle_figures(cycle_metrics(ece=float("nan"), training=training, **later))
    assert found == {name: value for name, value in expected.items() if name not in ("ece", "training_loss")}


def test_known_unknown_ratio_is_the_previous_query_s():
    query = {"known": 2, "unknown": 3, "known_unknown_ratio": 1.5}
    assert cycle_figures(cycle_metrics(previous_query=query)) == FIGURES | {"known_unknown_ratio": 1.5}


def test_figures_of_an_alignment_are_the_cycle_s_too():
    told = {"update": True, "reason": "in words", "mode": "absolute", "threshold": 1.0, "logme": -0.5, "gap": None}
    counts = {"updates": 1, "labelled": 8, "width": 16, "ped_changes": [0.5], "tuning": None}
    assert cycle_figures(cycle_metrics(alignment=told | counts)) == FIGURES | {
        "alignment_update": 1.0,
        "alignment_threshold": 1.0,
        "alignment_logme": -0.5,
        "alignment_updates": 1.0,
        "alignment_labelled": 8.0,
        "alignment_width": 16.0,
    }


def person(name, agreement):
    zero = dict.fromkeys(("votes", "classes", "skips", "unsure", "compared", "predicted"), 0)
    return {"annotator": name, **zero, "agreement": agreement, "model_agreement": None}


def test_corrected_labels_are_figures_where_there_are_some():
    found = cycle_figures(cycle_metrics(labels_corrected=4, test_labels_corrected=3))
    assert found == FIGURES | {"labels_corrected": 4.0, "test_labels_corrected": 3.0}


def test_rechecks_and_rare_classes_are_figures():
    rechecks = {"asked": 5, "answered": 4, "confirmed": 1, "corrected": 2, "corrections": []}
    found = cycle_figures(cycle_metrics(rechecks=rechecks, labels_by_class={"cat": 7, "dog": 0, "eel": 0}))
    assert found == FIGURES | {
        "rechecks_asked": 5.0,
        "rechecks_answered": 4.0,
        "rechecks_confirmed": 1.0,
        "rechecks_corrected": 2.0,
        "labels_of_rarest_class": 0.0,
        "classes_without_labels": 2.0,
    }


def test_figures_of_annotators_leave_out_their_names():
    people = [person("person-a", 0.75), person("person-b", 0.5), person("person-c", None)]
    annotators = {"votes": 9, "samples": 5, "several": 4, "alpha": 0.25, "people": people, "pairs": []}
    suspects = {"found": 3, "judged": 8, "reason": None, "rows": []}
    metrics = cycle_metrics(annotators=annotators, label_suspects=suspects, disputed={"count": 2, "rows": []})
    assert cycle_figures(metrics) == FIGURES | {
        "annotators": 3.0,
        "annotator_votes": 9.0,
        "annotator_alpha": 0.25,
        "annotator_lowest_agreement": 0.5,
        "disputed_samples": 2.0,
        "label_suspects": 3.0,
    }
    alone = annotators | {"alpha": None, "people": [person("", None)]}
    assert cycle_figures(cycle_metrics(annotators=alone)) == FIGURES | {"annotators": 1.0, "annotator_votes": 9.0}


def timing(stage: str, cpu: float, gpu: float = 0.0, target: str = "", **counted: int | None) -> Timing:
    return Timing(
        stage=stage,
        target=target,
        started=cpu,
        wall_seconds=cpu / 2,
        cpu_seconds=cpu,
        gpu_seconds=gpu,
        peak_memory_bytes=int(100 * cpu),
        **{"rows": None, **counted},
    )


def test_timing_figures_are_sums_by_stage_and_their_price():
    timings = [timing("embed", 2, target="base"), timing("score", 3, gpu=4, rows=4, bytes_read=30)]
    timings.append(timing("score", 1, rows=3, bytes_read=10, bytes_written=2))
    assert timing_figures(timings, Prices(cpu_hour=3600, gpu_hour=7200)) == {
        "system/wall_seconds/embed_base": 1.0,
        "system/cpu_seconds/embed_base": 2.0,
        "system/wall_seconds/score": 2.0,
        "system/cpu_seconds/score": 4.0,
        "system/gpu_seconds/score": 4.0,
        "system/wall_seconds/total": 3.0,
        "system/cpu_seconds/total": 6.0,
        "system/gpu_seconds/total": 4.0,
        "system/rows/score": 7.0,
        "system/bytes_read/score": 40.0,
        "system/bytes_read/total": 40.0,
        "system/bytes_written/score": 2.0,
        "system/bytes_written/total": 2.0,
        "system/peak_memory_bytes/embed_base": 200.0,
        "system/peak_memory_bytes/score": 300.0,
        "system/peak_memory_bytes/max": 300.0,
        "compute_cost": 14.0,
    }
    assert timing_figures([], Prices()) == {}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_timings_are_metrics_of_every_cycle_s_run(campaign):
    commits = [campaign.commit_cold_start(), campaign.commit_training(accuracy=0.5)]
    counted = {"rows": 7, "bytes_read": 20, "bytes_written": 10}
    for commit in commits:
        write_timing(campaign.store, commit.cycle, commit.attempt, timing("select", 2.0 + commit.cycle, **counted))
    track_campaign(campaign.root)
    client = MlflowClient(tracking_uri=f"sqlite:///{campaign.root}/mlflow.db")
    mine = f"tags.`labelcycle.campaign` = '{campaign.campaign.identifier}' and tags.`labelcycle.kind` = 'cycle'"
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()], mine)
    found = {run.data.tags["labelcycle.cycle"]: run.data.metrics for run in runs}
    assert {cycle: metrics["system/cpu_seconds/total"] for cycle, metrics in found.items()} == {
        "0000": 2.0,
        "0001": 3.0,
    }
    names = ("wall_seconds", "cpu_seconds", "rows", "bytes_read", "bytes_written", "peak_memory_bytes")
    assert [found["0001"][f"system/{name}/select"] for name in names] == [1.5, 3.0, 7, 20, 10, 300]
