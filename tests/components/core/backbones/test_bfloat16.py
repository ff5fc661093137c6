"""A notice where bfloat16 would be slow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from labelcycle.components.core.backbones import build as bfloat16
from labelcycle.components.core.backbones.build import processor_multiplies_bfloat16


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function: instructions that the processor has, and whether there is a GPU."""

    def pretend(*instructions: str, gpu: bool = False) -> None:
        bfloat16._warn.cache_clear()
        have = {"avx512_f": True, "avx512_bf16": False, **dict.fromkeys(instructions, True)}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: have)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)

    return pretend


def told(campaign: Any, capsys: pytest.CaptureFixture[str], precision: str = "bfloat16") -> int:
    """How often it is told, where a backbone is asked about three times."""
    capsys.readouterr()
    backbone = campaign.state.campaign.backbone.model_copy(update={"precision": precision})
    for _ in range(3):
        bfloat16.tell_slow_precision(backbone)
    return capsys.readouterr().err.count("computes in bfloat16")


def test_it_is_told_once_where_nothing_multiplies_bfloat16(
    begin_on_images: Callable[..., Any], machine: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin_on_images()
    machine()
    assert told(campaign, capsys, "float32") == 0
    assert told(campaign, capsys) == 1
    machine(gpu=True)
    assert told(campaign, capsys) == 0
    for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"):
        machine(name)
        assert told(campaign, capsys) == 0


def test_stages_that_build_a_network_tell_it(
    begin_on_images: Callable[..., Any], machine: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin_on_images(precision="bfloat16")
    machine()
    campaign.run_until("embed base")
    assert "computes in bfloat16" in capsys.readouterr().err


def test_the_processor_is_asked() -> None:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split(":")[1].split()}
    assert processor_multiplies_bfloat16() == bool(flags & {"avx512_bf16", "amx_bf16", "bf16", "svebf16"})
