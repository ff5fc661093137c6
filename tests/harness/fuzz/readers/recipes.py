"""Recipes, and settings of campaigns, in YAML."""

from pathlib import Path
from random import Random

import yaml

from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.settings_files import PlainLoader
from labelcycle.components.core.digests import canonical_json
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.settings_file import printed, settings_of_campaign
from labelcycle.pipelines.recipes import catalogue
from tests.harness.fuzz.json_mutation import changed
from tests.harness.fuzz.target import Target, file_reader

LAUGHS = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b", ".join([b"*%c" % (letter - 1)] * 9))
    for letter in range(ord("b"), ord("n"))
)
"""The billion laughs: a small file that is as large as memory once its aliases are written out."""

ODD = (
    b"2024-99-99",
    b"2024-01-05",
    b"0x" + b"f" * 4000,
    b"1_",
    b"1:99:99",
    b".inf",
    b".nan",
    b"1e400",
    b'"\\UFFFFFFFF"',
    b'"\\ud800"',
    b'"\\e[31m"',
    b"!!binary x",
    b"!!timestamp x",
    b"!!bool x",
    b"!!int x",
    b"!!float x",
    b"!!set {a, b}",
    b"!!omap [a: b]",
    b"!!python/name:os.system x",
    b"&a [*a]",
    b"{<<: {epochs: 3}}",
    b"? {a: b}\n: c",
    b"{a: 1, a: 2}",
    b"[" * 3000,
    b"- " * 3000,
    b"*missing",
    b"|\n  text",
    b"9" * 5000,
    b"~",
)


_SETTINGS = (
    b"images: photos\nlabels_from: labels.csv\nclasses: [cat, dog]\nbudget: 500\nset:\n  trainer.epochs: 20\n",
    b"label_studio: http://there\nquorum: 2\nmean: 0.5,0.5,0.5\nprecision: bfloat16\ndeadline_hours: 1.5\n",
    printed(CampaignSettings(embeddings="e.npz", std=(1.0, 0.5, 2.0), pool_labels=True)).encode(),
)


def _mutation(data: bytes, random: Random) -> bytes:
    if random.randrange(2):
        lines = data.split(b"\n")
        place = random.randrange(len(lines))
        key, colon, _ = lines[place].partition(b":")
        lines[place] = key + colon + b" " + random.choice(ODD)
        if random.randrange(8) == 0:
            lines.append(LAUGHS + b"selector: *m")
        return b"\n".join(lines)
    try:
        value = changed(yaml.load(data, PlainLoader), random)
        return yaml.safe_dump(value, allow_unicode=True).encode(errors="surrogatepass")
    except (yaml.YAMLError, ValueError, RecursionError):
        return data


def _read_and_print(path: str) -> None:
    """Read settings of a campaign, print them, and read that again, which must come to the same."""
    text = printed(settings_of_campaign({}, Path(path)))
    Path(path).write_text(text, encoding="utf-8")
    assert printed(settings_of_campaign({}, Path(path))) == text


def _seeds() -> tuple[bytes, ...]:
    folder = Path(catalogue.__file__).parent
    return tuple(path.read_bytes() for path in sorted(folder.glob("*.yaml"))[:6])


TARGETS = [
    Target(
        "recipe",
        file_reader(lambda path: canonical_json(read_recipe(Path(path)).model_dump(mode="json")), ".yaml"),
        _seeds(),
        _mutation,
    ),
    Target(
        "campaign-settings",
        file_reader(_read_and_print, ".yaml"),
        _SETTINGS,
        _mutation,
    ),
]
