"""What people are asked: a request for their answers about one sample."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelRequest:
    """A sample that people were asked about.

    Attributes:
        cycle: the cycle whose query it is in.
        sample_id: the sample.
        opinion: 1 where it was asked for the first time, 2 for a second opinion, and so on.
        recheck: whether it asks for the label again because the model doubts it. Then anybody may answer, also who did
            before.
    """

    cycle: int
    sample_id: str
    opinion: int
    recheck: bool = False
