"""`labelcycle backbones`: the networks to choose from, and how long one takes here."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError

if TYPE_CHECKING:
    from labelcycle.components.core.backbones.presets import Preset
    from labelcycle.components.core.backbones.timing import BackboneTiming

WIDE = 120
"""Columns of a terminal in which timm's names fit on a line."""

CLOSED = (
    "Weights come from the Hugging Face hub, once, at `labelcycle init`, and are kept in the campaign. Without a "
    "network: fetch the file on another machine with `{fetch}`, carry it over, and name it: --backbone {name} "
    "--weights {name}/model.safetensors. Any other network of timm can be named by timm's name."
)
LICENCES = (
    "Licences are those that timm states for the weights; read them before you ship a model. Networks with a text were "
    "trained on images together with text: labelcycle init --zero-shot begins from the names of the classes."
)


def backbones(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    time: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Measure how long this one takes for 1,000 images on this machine."),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=8, help="With --time: pixels a side; by default those of the list.")
    ] = None,
) -> None:
    """List the backbones that have a short name for `labelcycle init --backbone`.

    With --time, measure one on this machine: its forward passes in float32, on fewer than 1,000 blank images and with
    random weights, so that nothing is downloaded. Any name of timm will do. Reading and decoding images comes on top.

    Example: labelcycle backbones --time dinov2-small
    """
    if time is not None:
        from labelcycle.components.core.backbones.timing import time_backbone

        timing = time_backbone(time, image_size)
        print(json.dumps(_timing_facts(time, timing), indent=2) if as_json else _timing_text(time, timing))
        return
    if image_size is not None:
        raise ConfigurationError(
            "--image-size is for --time: name the backbone to measure, --time NAME, or leave it out."
        )
    from labelcycle.components.core.backbones.presets import PRESETS

    if as_json:
        print(json.dumps([_facts(preset) for preset in PRESETS.values()], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    wide = console.width >= WIDE
    table = Table()
    table.add_column("backbone", no_wrap=True)
    for heading in ("parameters", "pixels", "width"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("licence", "text", *(["timm's name"] if wide else [])):
        table.add_column(heading, no_wrap=True)
    for preset in PRESETS.values():
        table.add_row(
            preset.name,
            f"{preset.parameters / 1e6:,.0f} M",
            str(preset.image_size),
            str(preset.width),
            preset.licence,
            "yes" if preset.text else "",
            *([preset.network] if wide else []),
        )
    console.print(table)
    first = next(iter(PRESETS.values()))
    names = [] if wide else [f"timm's names are listed from {WIDE} columns on, and by --json."]
    for line in (*names, CLOSED.format(fetch=first.fetch, name=first.name), LICENCES):
        console.print(line, highlight=False, markup=False)


def _facts(preset: "Preset") -> dict[str, object]:
    mean, std = preset.colours
    return {
        "name": preset.name,
        "network": preset.network,
        "parameters": preset.parameters,
        "image_size": preset.image_size,
        "crop_share": preset.crop_share,
        "crop_mode": preset.crop_mode,
        "mean": mean,
        "std": std,
        "width": preset.width,
        "pooling": preset.pooling,
        "pooling_auto": preset.auto,
        "licence": preset.licence,
        "weights": f"https://huggingface.co/{preset.hub}",
        "without_network": {"fetch": preset.fetch, "init": f"--weights {preset.name}/model.safetensors"},
        "text": preset.text or None,
        "text_without_network": {"fetch": preset.fetch_text, "init": f"--text-tower {preset.name}-text"}
        if preset.text
        else None,
    }


def _timing_facts(name: str, timing: "BackboneTiming") -> dict[str, object]:
    return {
        "name": name,
        "network": timing.network,
        "image_size": timing.image_size,
        "device": timing.device,
        "cores": timing.cores,
        "images": timing.images,
        "seconds": timing.seconds,
        "seconds_for_1000": timing.seconds_for_thousand,
    }


def _timing_text(name: str, timing: "BackboneTiming") -> str:
    where = f"{timing.cores} core{'s' if timing.cores > 1 else ''}" if timing.device == "cpu" else timing.device
    return (
        f"{name} ({timing.network}, {timing.image_size} pixels): {timing.seconds_for_thousand:,.1f} s for 1,000 images "
        f"on {where}, reckoned from {timing.images} images in {timing.seconds:.1f} s. Random weights, float32; reading "
        "and decoding images comes on top."
    )
