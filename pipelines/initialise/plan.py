"""What beginning a campaign would do: what is read, set aside and held out, what is asked first, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from labelcycle.pipelines.initialise.begin import Begun, begin_campaign
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.reading import listed, named

SPLITS = ("pool", "val", "test")


@dataclass(frozen=True)
class Plan:
    """A campaign that was not begun.

    Attributes:
        root: where it would live.
        begun: what would have been written, and from what.
    """

    root: str
    begun: Begun

    @property
    def known(self) -> int:
        """Samples of the pool whose labels are known from the beginning."""
        return sum(self.begun.known.values())

    @property
    def to_ask(self) -> int:
        """Samples that can be asked for, those to test with among them."""
        campaign = self.begun.campaign
        to_learn_from = self.begun.counts["pool"] - self.known - len(campaign.recipe.selector.exclude)
        return to_learn_from + campaign.test_from_budget

    @property
    def paid_already(self) -> int:
        """Known labels that count in the budget."""
        known = self.begun.campaign.known_labels
        return self.known if known is not None and known.in_budget else 0

    @property
    def first_query(self) -> int:
        """Samples that cycle 0 asks for."""
        return min(self.to_ask, self.begun.campaign.query_size(self.paid_already, first=True))

    @property
    def first_to_test_with(self) -> int:
        """Those of them that are to test with."""
        return min(self.first_query, self.begun.campaign.test_from_budget)

    @property
    def labels(self) -> int:
        """Labels that are paid for, if the campaign goes on to its end."""
        return min(self.begun.campaign.budget, self.to_ask + self.paid_already)

    @property
    def cycles(self) -> int:
        """Queries until the budget is spent or the pool is exhausted."""
        campaign = self.begun.campaign
        queries = campaign.recipe.schedule.labels_by_cycle(self.paid_already + self.first_query, campaign.batch)
        return 1 + sum(1 for _ in takewhile(lambda asked: asked < self.labels, queries))

    @property
    def strategy(self) -> str:
        """By which cycle 0 chooses."""
        recipe = self.begun.campaign.recipe
        return recipe.selector.strategy if self.known else recipe.cold_start.strategy

    def as_facts(self) -> dict[str, Any]:
        """The plan as JSON for machines."""
        begun, campaign = self.begun, self.begun.campaign
        return {
            "root": self.root,
            "campaign": campaign.identifier,
            "exists": not begun.created,
            "classes": campaign.classes,
            "read": begun.reading.read
            if begun.reading
            else begun.counts["pool"] + begun.counts["val"] + sum(begun.held.values()) + campaign.test_from_budget,
            "passed_over": begun.reading.passed_over if begun.reading else "",
            "set_aside": dict(begun.set_aside),
            "pool": begun.counts["pool"],
            "validation": begun.counts["val"],
            "test": dict(begun.held),
            "test_from_budget": campaign.test_from_budget,
            "known": dict(begun.known),
            "recipe": campaign.recipe.name,
            "first_query": {
                "size": self.first_query,
                "to_test_with": self.first_to_test_with,
                "strategy": self.strategy,
                "trained": self.known > 0,
            },
            "budget": campaign.budget,
            "queries": self.cycles,
            "cost": {
                "labels": campaign.prices.of_labels(self.labels),
                "first_query": campaign.prices.of_labels(self.first_query + self.paid_already),
                "cpu_hour": campaign.prices.cpu_hour,
                "gpu_hour": campaign.prices.gpu_hour,
            },
        }

    def _tested_with(self) -> str:
        if asked := self.begun.campaign.test_from_budget:
            return f"{asked:,} samples drawn at random, whose labels cycle 0 asks for"
        return _counts_by_class(self.begun.held) if self.begun.held else "none"

    def _asked_first(self) -> str:
        testing = self.first_to_test_with
        pool = self.to_ask - self.begun.campaign.test_from_budget
        picks = f"{self.first_query - testing:,} of {pool:,} samples by {self.strategy}"
        return f"{picks} and {testing:,} drawn at random to test with" if testing else picks

    def lines(self) -> list[str]:
        """The plan for people, a line each."""
        begun, campaign, prices = self.begun, self.begun.campaign, self.begun.campaign.prices
        network = "embeddings of yours" if campaign.backbone is None else campaign.backbone.name
        begins = f"trains on {self.known:,} known labels, then asks" if self.known else "asks"
        computing = ", and computing at its price" if prices.computing_costs else "; computing has no price"
        rows = {
            "campaign": f"{campaign.name} at {self.root}" + ("" if begun.created else ", which is there already"),
            "classes": f"{len(campaign.classes)}: {listed([named(name) for name in campaign.classes])}",
            "set aside": _counts(begun.set_aside) if begun.set_aside else "none",
            "pool": f"{begun.counts['pool']:,}",
            "known": _counts_by_class(begun.known) if self.known else "none",
            "validation": f"{begun.counts['val']:,}" if begun.counts["val"] else "none",
            "test": self._tested_with(),
            "recipe": f"{campaign.recipe.name} on {network}",
            "cycle 0": f"{begins} for {self._asked_first()}",
            "budget": f"{campaign.budget:,} labels, in {self.cycles:,} quer{'y' if self.cycles == 1 else 'ies'}",
            "cost": f"{prices.of_labels(self.first_query + self.paid_already):,.2f} up to cycle 0, "
            f"{prices.of_labels(self.labels):,.2f} in all for labels{computing}",
        }
        return [f"{name:<12}{text}" for name, text in rows.items()]


def plan_campaign(root: str, settings: CampaignSettings) -> Plan:
    """Read and check all that `begin_campaign` does, and write nothing.

    Raises:
        LabelcycleError: as `begin_campaign`.

    Cost: as `begin_campaign`, but for what is written.
    """
    return Plan(root, begin_campaign(root, settings, write=False))


def _counts_by_class(counts: Mapping[str, int]) -> str:
    return _counts({named(name): count for name, count in counts.items()})


def _counts(counts: Mapping[str, int]) -> str:
    parts = [f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return f"{sum(counts.values()):,}: {listed(parts)}"
