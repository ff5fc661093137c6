from labelcycle.components.core.tracking.cycle_run import cycle_figures


def test_figures_are_the_finite_numbers():
    metrics = {
        "cycle": 3,
        "accuracy": 0.5,
        "ece": float("nan"),
        "macro_f1": None,
        "labels": 12,
        "space": "a name",
        "warm": True,
        "classes": [],
        "training": {"loss": float("inf"), "trainable_parameters": 7},
        "previous_query": None,
    }
    assert cycle_figures(metrics) == {"accuracy": 0.5, "labels": 12.0, "trainable_parameters": 7.0}


def test_known_unknown_ratio_is_the_previous_query_s():
    metrics = {"training": {}, "previous_query": {"known": 2, "unknown": 3, "known_unknown_ratio": 1.5}}
    assert cycle_figures(metrics) == {"known_unknown_ratio": 1.5}


def test_figures_of_an_alignment_are_the_cycle_s_too():
    record = {"update": True, "reason": "in words", "mode": "absolute", "threshold": 1.0, "logme": -0.5, "gap": None}
    metrics = {"training": {}, "previous_query": None, "alignment": record}
    assert cycle_figures(metrics) == {"alignment_update": 1.0, "alignment_threshold": 1.0, "alignment_logme": -0.5}
