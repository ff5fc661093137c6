"""Whether bfloat16 is worth its name on this machine; torch computes in it anywhere, but not fast anywhere."""

from functools import cache

import torch

from labelcycle.components.core.campaign import Backbone
from labelcycle.components.core.observation import notice

INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""What multiplies bfloat16 numbers, by torch's names: two sets of x86, two of Arm."""


def tell_slow_precision(backbone: Backbone) -> None:
    """Tell, once a process, that a backbone in bfloat16 is slower here than one in float32.

    `torch.ops.mkldnn._is_mkldnn_bf16_supported` does not answer this: it is true of any processor with AVX-512, where
    oneDNN converts every number.
    """
    if backbone.precision == "bfloat16" and not torch.cuda.is_available() and not processor_multiplies_bfloat16():
        _tell()


def processor_multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16 numbers."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


@cache
def _tell() -> None:
    notice(
        "This campaign computes in bfloat16, but there is no GPU and the processor has no instructions for it, so that "
        "networks take several times as long as in float32. Run it on another machine, or begin a campaign with "
        "--precision float32."
    )
