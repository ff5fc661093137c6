"""What people read about each setting of a campaign, taken from the model: for flags, files and messages."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from labelcycle.pipelines.initialise.campaign_settings import GROUPS, CampaignSettings

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping of settings, such as {trainer.epochs: 20}",
}


@dataclass(frozen=True)
class Described:
    """A setting as it is described to people.

    Attributes:
        name: the key in a file; a flag has dashes for its underscores.
        group: the heading under which it stands.
        text: what it means.
        default: its value where nobody says anything; None where it follows from other things.
        kind: as in JSON Schema: `string`, `integer`, `number`, `boolean`, `array` or `object`.
        choices: the values that are allowed; empty where these are not listed.
        least: the smallest value that is allowed.
        above: the value that it must be above.
        most: the largest value that is allowed.
        length: of an array that has one.
        repeated: of an array, whether its flag is given once for each value, as text may hold commas.
    """

    name: str
    group: str
    text: str
    default: Any
    kind: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None
    length: int | None = None
    repeated: bool = False

    @property
    def flag(self) -> str:
        """Its flag, such as `--label-price`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def plain_text(self) -> bool:
        """Whether any text will do."""
        return self.kind == "string" and not self.choices

    @property
    def expected(self) -> str:
        """What a value must be, such as `a whole number, 1 or more`."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind == "array":
            return "a list of texts" if self.length is None else f"a list of {self.length} numbers"
        bounds = [f"above {self.above:g}"] if self.above is not None else []
        if self.least is not None:
            bounds.append(f"{self.least:g} or more")
        if self.most is not None:
            bounds.append(f"at most {self.most:g}")
        return ", ".join([KINDS[self.kind], *bounds])


@cache
def described_settings() -> dict[str, Described]:
    """Every setting by name, group by group."""
    properties = CampaignSettings.model_json_schema()["properties"]
    return {
        name: _described(name, str(group.model_config["title"]), properties[name])
        for group in GROUPS
        for name in (field.alias or key for key, field in group.model_fields.items())
    }


def _described(name: str, group: str, schema: dict[str, Any]) -> Described:
    value = schema | schema.get("anyOf", [{}])[0]  # the other one is null, for settings that may stay open
    return Described(
        name=name,
        group=group,
        text=schema["description"],
        default=schema["default"],
        kind=value["type"],
        choices=tuple(value.get("enum", ())),
        least=value.get("minimum"),
        above=value.get("exclusiveMinimum"),
        most=value.get("maximum"),
        length=value.get("maxItems"),
        repeated=bool(schema.get("repeated")),
    )
