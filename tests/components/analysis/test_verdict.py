"""The verdict: good enough or not, what happens next and why, and what more labels would bring."""

import dataclasses
from typing import Any

import pytest

from labelcycle.components.analysis.verdict import Verdict, verdict_of
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.core.config.recipe import Alignment, Stop
from labelcycle.pipelines.cli.main import COMMANDS
from tests.cycle_records import cycle_metrics

SUMMARY = CycleSummary(
    cycle=2, labels=80, answers=80, accuracy=0.7, macro_f1=0.7, ece=0.1, space="space", query_size=40
)


class Recipe:
    stop = Stop()
    final: str | None = None
    alignment: Alignment | None = None
    data_selection: str | None = None


class Described:
    """The little of a campaign that is looked at."""

    def __init__(self, stop: Stop | None = None, final: str | None = None, **labelling: Any) -> None:
        self.budget = 400
        self.recipe = Recipe()
        self.recipe.stop, self.recipe.final = stop or Stop(), final
        self.labelling = Labelling(**labelling)
        self.backbone: str | None = "a backbone"


def decided(described: Described | None = None, asked: int = 40, amended: bool = False, **metrics: Any) -> Verdict:
    summary = dataclasses.replace(SUMMARY, outstanding=metrics.pop("outstanding", 0), final=metrics.pop("final", False))
    campaign: Campaign = described or Described()  # type: ignore[assignment]
    return verdict_of(campaign, cycle_metrics(**{"answers": 80, **metrics}), summary, asked, amended)


def measured(accuracy: float, test_samples: int = 1000) -> dict[str, Any]:
    return {"accuracy": accuracy, "test_samples": test_samples}


@pytest.mark.parametrize(
    ("accuracy", "samples", "answer", "headline", "told"),
    [
        (0.93, 1000, "yes", "Good enough: continue", "it reaches the target of 90.0%."),
        (0.91, 1000, "perhaps", "Good enough on this test set: continue", "though chance may have helped."),
        (0.89, 1000, "no", "Not good enough yet: continue", "leave open whether it is reached."),
        (0.8, 1000, "no", "Not good enough yet: continue", "and the target is 90.0%."),
    ],
)
def test_whether_it_is_good_enough(accuracy: float, samples: int, answer: str, headline: str, told: str) -> None:
    found = decided(Described(Stop(target=0.9)), **measured(accuracy, samples))
    assert (found.answer, found.headline) == (answer, headline)
    assert found.quality.startswith(f"The accuracy is {accuracy:.1%} (") and found.quality.endswith(told)


def test_a_target_of_the_macro_f1() -> None:
    found = decided(Described(Stop(target=0.6, metric="macro_f1")), **measured(0.9), macro_f1=0.5)
    assert found.answer == "no" and found.quality == "The macro F1 is 50.0%, and the target is 60.0%."


def test_without_a_target_people_decide() -> None:
    found = decided(**measured(0.9))
    assert (found.answer, found.headline) == ("no_target", "Continue")
    assert "(88.0% to 91.7% in 95 of 100 cases, from 1,000 test samples)" in found.quality
    assert "--set stop.target=0.95" in found.quality


def test_without_a_test_set_nothing_is_claimed() -> None:
    nothing = {"accuracy": None, "macro_f1": None, "ece": None, "test_samples": 0}
    found = decided(Described(Stop(target=0.9)), **nothing)
    assert (found.answer, found.headline) == ("not_measured", "Not measured yet: continue")
    estimate = {"accuracy": 0.8, "low": 0.7, "high": 0.9, "labels": 50, "folds": 5, "chosen": True}
    assert (
        "cross-validated estimate is 80.0% (70.0% to 90.0%), far too low"
        in decided(**nothing, estimate=estimate).quality
    )


def forecast(**changes: Any) -> dict[str, Any]:
    more = {"answers": 100, "cost": 50.0, "gain": 0.021, "low": -0.004, "high": 0.05}
    whole = {"reason": None, "share": 0.8, "ceiling": 0.9, "curve": [], "targets": [], "more": more}
    return {"forecast": whole | changes}


def test_what_more_labels_would_bring() -> None:
    found = decided(**forecast())
    assert found.more == (
        "100 more labels, for 50.00, are expected to change the accuracy by +2.1 points (from -0.4 to +5.0 in 80% of "
        "like cases)."
    )
    assert found.as_facts()["gain"] == forecast()["forecast"]["more"]
    assert decided(**forecast(), asked=0, final=True).more == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, ""),
        ({"reason": "it is too early"}, "What more labels would bring cannot be said: it is too early."),
        (forecast(more=None)["forecast"], "that is too far ahead of the labels so far."),
        ({name: value for name, value in forecast()["forecast"].items() if name != "more"}, ""),
    ],
)
def test_nothing_is_forecast_where_that_is_not_possible(said: Any, told: str) -> None:
    found = decided(forecast=said)
    assert found.gain is None and found.more.endswith(told) and bool(found.more) == bool(told)


def test_labels_that_bring_little() -> None:
    little = {"answers": 100, "cost": 0.0, "gain": 0.001, "low": -0.001, "high": 0.004}
    assert any("bring little" in reason for reason in decided(**forecast(more=little)).reasons)
    assert not any("bring little" in reason for reason in decided(**forecast()).reasons)
    assert not any("bring little" in reason for reason in decided(asked=0, **forecast(more=little)).reasons)


def needed(answers: int | None, low: int | None, high: int | None) -> dict[str, Any]:
    costs = {"answers_cost": answers, "low_cost": low, "high_cost": high}
    return forecast(targets=[{"accuracy": 0.9, "answers": answers, "low": low, "high": high, **costs}])


@pytest.mark.parametrize(
    ("takes", "told"),
    [
        ((300, 200, 500), "takes 300 labels in all (200 to 500), which the budget of 400 has."),
        (
            (600, 300, None),
            "takes 600 labels in all (300 or more); the budget is 400. labelcycle amend ROOT --budget 600",
        ),
        ((None, 700, None), "takes 700 or more; the budget is 400."),
        ((None, None, None), "no number of labels that can be told reaches the target."),
    ],
)
def test_what_the_target_takes(takes: tuple[int | None, int | None, int | None], told: str) -> None:
    found = decided(Described(Stop(target=0.9)), **measured(0.7), **needed(*takes))
    assert told in found.reasons[-1]
    assert "forecast" not in decided(Described(Stop(target=0.6)), **measured(0.7), **needed(*takes)).reasons[-1]


def suspects(sure: int, judged: int) -> dict[str, Any]:
    row = {"label": "cat", "suggested": "dog", "label_confidence": 0.1, "suggested_confidence": 0.9, "quality": 0.1}
    rows = [{"sample_id": f"sample-{number}", "certainty": 0.95, **row} for number in range(sure)]
    unsure = [{"sample_id": "other", "certainty": 0.6, **row}, {"sample_id": "of an earlier version", **row}]
    return {"label_suspects": {"found": sure + 2, "judged": judged, "reason": None, "rows": rows + unsure}}


def test_labels_that_look_wrong_are_told_and_come_first_where_they_are_many() -> None:
    few, many = decided(**suspects(3, 80)), decided(**suspects(9, 80))
    assert few.verb == "Continue" and "3 labels look wrong to a calibrated model" in few.reasons[-1]
    assert many.headline == "Check labels, then continue"
    assert not any("look" in reason for reason in decided(**suspects(0, 80)).reasons)
    assert decided(asked=0, **suspects(9, 80)).verb == "Stop"


def test_an_amended_campaign_goes_on_though_its_last_query_is_empty() -> None:
    found = decided(asked=0, amended=True, stop="a plateau")
    assert (found.verb, found.tone, found.commands) == ("Continue", "go", [])
    assert found.reasons == ["The campaign was amended: the next run asks for more labels."]


def test_the_commands_of_an_end() -> None:
    lines = [command.line for command in decided(asked=0).commands]
    uses = [name for name in ("promote", "predict", "autolabel", "export") if name in COMMANDS]
    assert [line.split()[1] for line in lines] == uses, "what this labelcycle can do with a model"
    assert all(line.split()[2] == "ROOT" for line in lines) and "--images NEW" in lines[1]
    assert decided().commands == []
    of_known_labels = Described()
    of_known_labels.recipe.data_selection = "all labels are known"
    assert not [one for one in decided(of_known_labels, asked=0).commands if "autolabel" in one.line]
    described = Described(final="lora")
    described.backbone = None
    lines = [command.line for command in decided(described, asked=0).commands]
    assert lines[0] == "labelcycle finalize ROOT" and "--embeddings NEW.npz" in lines[2]
    assert "finalize" not in decided(described, asked=0, final=True).commands[0].line
    assert {line.split()[1] for line in lines} <= COMMANDS.keys()


def test_the_root_takes_its_place() -> None:
    found = decided(Described(Stop(target=0.9)), asked=0, **measured(0.7), **needed(600, 300, None)).at("'my root'")
    assert "labelcycle amend 'my root' --budget 600" in found.reasons[-1]
    assert found.commands[0].line == "labelcycle promote 'my root'"
    assert "labelcycle amend 'my root' --set" in decided().at("'my root'").quality


def test_to_continue() -> None:
    found = decided()
    assert (found.verb, found.tone) == ("Continue", "go")
    assert found.reasons == ["320 labels are left of the budget, 40 of them asked for now, and no stop rule is set."]
    assert (
        found.waiting == "40 samples are waiting to be labelled. The next cycle begins when all of them have an answer."
    )


def test_samples_that_are_still_out_count_as_asked() -> None:
    assert decided(outstanding=20).reasons[0].startswith("300 labels are left")


def test_a_stop_rule_that_does_not_hold() -> None:
    assert "the stop rule does not hold yet" in decided(Described(Stop(plateau_cycles=3))).reasons[0]


def test_quorum_share_and_deadline_are_told() -> None:
    waiting = decided(Described(quorum=2, share=0.8, deadline_hours=48)).waiting
    assert "when 80% of them have 2 answers, or 48 hours after they were delivered" in waiting


def test_features_that_were_made_anew() -> None:
    quantities = {"mode": "absolute", "threshold": 1.0, "updates": 1, "labelled": 80, "width": 16}
    found = decided(alignment={"update": True, "reason": "little changed", **quantities})
    assert found.verb == "Update and continue"
    assert found.reasons[0] == "Features were recomputed: little changed."
    described = Described()
    described.recipe.alignment = Alignment(feature_alignment=False)
    switched = decided(described, alignment={"update": True, "reason": "little changed", **quantities})
    assert switched.verb == "Continue" and "trained by final.aligned: little changed" in switched.reasons[0]
    assert decided(alignment={"update": False, "reason": "much changed", **quantities}).verb == "Continue"


@pytest.mark.parametrize(
    ("settings", "verb", "reason"),
    [
        ({"stop": "a plateau"}, "Stop", "The stop rule ended the campaign here: a plateau."),
        ({"answers": 400}, "Stop", "The budget of 400 labels is spent."),
        ({"answers": 390, "outstanding": 10}, "Stop", "The budget of 400 labels is spent."),
        ({}, "Stop", "There is nothing left to ask for."),
        ({"final": True}, "Done", "This is the final model, and nothing more is asked."),
    ],
)
def test_to_end(settings: dict[str, Any], verb: str, reason: str) -> None:
    found = decided(asked=0, **settings)
    assert (found.verb, found.tone, found.reasons, found.waiting) == (verb, "end", [reason], "")


def test_one_sample_in_the_singular() -> None:
    assert decided(asked=1).waiting.startswith("1 sample is waiting to be labelled")
    assert decided(asked=1, answers=399).reasons[0].startswith("1 label is left")
