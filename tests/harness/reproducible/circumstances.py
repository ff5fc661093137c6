"""What may differ between two machines, or between two runs on one, and must not show in the result."""

import os
from dataclasses import dataclass, field

LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

OLDER_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
}
"""Instructions of 2013, for every numerical library: sums of another width."""


@dataclass(frozen=True)
class Circumstances:
    """How a campaign's process is run.

    Attributes:
        name: short, for the table.
        threads: of each numerical library, whatever cores there are.
        shards: of embed and score.
        shuffled: whether rows of files and files of folders come in another order.
        environment: more variables.
        cores: how many the process may run on; None for all.
        store: `folder` or `s3`.
        same_instructions: whether the processor adds up as the reference's does.
    """

    name: str
    threads: int = 1
    shards: int = 1
    shuffled: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    cores: int | None = None
    store: str = "folder"
    same_instructions: bool = True

    def promise(self, data: str) -> str:
        """What may not differ from the reference on `images` or `vectors`: see `Difference`.

        The digest of a file of embeddings names their feature space, and so rows in another order have other names.
        """
        if not self.same_instructions:
            return "tolerance"
        return "numbers" if self.shuffled and data == "vectors" else "bytes"

    def variables(self) -> dict[str, str]:
        """The environment of the process: this one's, without what it says of threads."""
        kept = {name: value for name, value in os.environ.items() if name not in LIBRARIES}
        return {
            **kept,
            **dict.fromkeys(LIBRARIES, str(self.threads)),
            "MKL_DYNAMIC": "FALSE",
            "OMP_DYNAMIC": "FALSE",
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONHASHSEED": "0",
            "PYTHONWARNINGS": "ignore",
            **self.environment,
        }


REFERENCE = Circumstances("one thread")

SURROUNDINGS = {"PYTHONHASHSEED": "12345", "LC_ALL": "C", "LANG": "C", "TZ": "Asia/Kathmandu", "HOME": "/nonexistent"}

CIRCUMSTANCES = (
    Circumstances("again"),
    Circumstances("two threads", threads=2),
    Circumstances("eight threads", threads=8),
    Circumstances("one core, eight threads", threads=8, cores=1),
    Circumstances("two shards", shards=2),
    Circumstances("five shards, two threads", shards=5, threads=2),
    Circumstances("shuffled rows", shuffled=True),
    Circumstances("other surroundings", environment=SURROUNDINGS),
    Circumstances("S3", store="s3"),
    Circumstances("older processor", environment=OLDER_PROCESSOR, same_instructions=False),
)


def circumstances(name: str) -> Circumstances:
    """Those of that name."""
    return next(one for one in (REFERENCE, *CIRCUMSTANCES) if one.name == name)
