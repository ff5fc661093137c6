"""Monte-Carlo dropout of the classification head, in numpy alone, with random numbers that are counted, not drawn.

Whether a feature is dropped depends on (seed, cycle, pass, sample id, position of the feature) and on nothing else. The
same samples therefore lose the same features in any shard, any order of rows and any thread.

Sources: Gal and Ghahramani, ICML 2016 (dropout when predicting); Houlsby et al., 2011, and Gal et al., ICML 2017
(mutual information, BALD); DropQuery, section 4 (disagreements); Steele et al., OOPSLA 2014 (SplitMix64).
"""

from collections.abc import Iterator, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.query_choice import DropoutSite
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import CHUNK_ROWS, GOLDEN, keyed_order, mix
from labelcycle.components.core.models.head import LinearHead, softmax
from labelcycle.components.core.models.uncertainty import entropy

Features = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint64]
Ids = Sequence[str] | npt.NDArray[np.str_]

LEVELS = 1 << 16
"""A feature is dropped where a number from 0 to LEVELS - 1 is below rate * LEVELS."""


def disagreements(
    head: LinearHead,
    features: Features,
    ids: Ids,
    seed: int,
    cycle: int,
    passes: int = 3,
    rate: float = 0.75,
    place: DropoutSite = "features",
) -> npt.NDArray[np.int32]:
    """How many passes with dropout predict another class than the head without it: int32, (N,), from 0 to `passes`.

    Args:
        head: the current head; its batch normalisation is that of evaluation.
        features: (N, d), any float type.
        ids: N sample ids.
        seed: decides, with the cycle and the ids, what is dropped.
        cycle: the cycle that asks.
        passes: M, at least 1.
        rate: share of the features that is dropped, at least 0 and below 1, in steps of 1/65536; what is kept is scaled
            by 1 / (1 - rate).
        place: where dropout acts.

    Raises:
        ConfigurationError: no such rate, place or number of passes.
        InputError: not one id for each row, or features of another width than the head takes.

    Source: DropQuery, section 4, and its defaults.
    Cost: O(M·N·d·(1 + C)) time on all cores; beside the features O(N) memory, and a block of rows a core.
    """
    counts = np.empty(len(ids), np.int32)
    _ask(DropoutPasses(head, seed, cycle, passes, rate, place), features, ids, counts, None)
    return counts


def mutual_information(
    head: LinearHead,
    features: Features,
    ids: Ids,
    seed: int,
    cycle: int,
    passes: int = 20,
    rate: float = 0.5,
    place: DropoutSite = "features",
) -> Floats:
    """Mutual information between the prediction and what is dropped (BALD), in nats: float32, (N,), at least 0.

    It is the entropy of the mean prediction less the mean entropy of the predictions. Arguments, errors and cost are
    those of `disagreements`.

    Source: Houlsby et al., 2011; with dropout, Gal et al., ICML 2017; 20 passes, DropQuery's ablation.
    """
    information = np.empty(len(ids), np.float32)
    _ask(DropoutPasses(head, seed, cycle, passes, rate, place), features, ids, None, information)
    return information


def disagreements_and_information(
    head: LinearHead,
    features: Features,
    ids: Ids,
    seed: int,
    cycle: int,
    passes: int,
    rate: float,
    place: DropoutSite = "features",
) -> tuple[npt.NDArray[np.int32], Floats]:
    """`disagreements` and `mutual_information` of the same passes, for the price of one."""
    counts, information = np.empty(len(ids), np.int32), np.empty(len(ids), np.float32)
    _ask(DropoutPasses(head, seed, cycle, passes, rate, place), features, ids, counts, information)
    return counts, information


class DropoutPasses:
    """The head as one matrix product, and the passes that are made through it."""

    def __init__(self, head: LinearHead, seed: int, cycle: int, passes: int, rate: float, place: DropoutSite) -> None:
        if passes < 1:
            raise ConfigurationError(f"Dropout needs at least 1 pass; got {passes}.")
        if not 0 <= rate < 1:
            raise ConfigurationError(f"The dropout rate is a share, at least 0 and below 1; got {rate}.")
        if place not in get_args(DropoutSite):
            raise ConfigurationError(f"Dropout acts on {' or '.join(get_args(DropoutSite))}; got {place!r}.")
        self.head, self.place = head, place
        self.dropped = min(round(rate * LEVELS), LEVELS - 1)
        self.keys = keyed_order((str(number) for number in range(passes)), seed, cycle, "dropout pass")
        factor, offset = head.normalisation()
        self.factor, self.offset = factor, offset
        self.weight, self.bias = head.weight, head.bias
        if place == "features":
            self.weight, self.bias = head.weight * factor, head.bias + head.weight @ offset
        self.scaled_weight = self.weight * np.float32(LEVELS / (LEVELS - self.dropped))

    def inputs(self, features: Features) -> Floats:
        """What dropout acts on, (N, d)."""
        values = features.astype(np.float32, copy=False)
        return values if self.place == "features" else values * self.factor + self.offset

    def logits(self, features: Features, hashes: Words) -> Iterator[Floats]:
        """The logits of each pass, (N, C)."""
        inputs = self.inputs(features)
        kept = np.empty_like(inputs)
        for key in self.keys:
            np.multiply(inputs, _keep(hashes ^ key, inputs.shape[1], self.dropped), out=kept)
            yield kept @ self.scaled_weight.T + self.bias

    def predicted(self, features: Features) -> npt.NDArray[np.int64]:
        """The class without dropout, (N,)."""
        result: npt.NDArray[np.int64] = (self.inputs(features) @ self.weight.T + self.bias).argmax(axis=1)
        return result


def _ask(
    asked: DropoutPasses, features: Features, ids: Ids, counts: npt.NDArray[np.int32] | None, information: Floats | None
) -> None:
    """Fill `counts` with disagreements and `information` with mutual information, as far as they are given.

    Rows are taken in the order of their hashes, so that those of one block, and with them the last bit of every sum, do
    not depend on the order in which they were given.
    """
    features, hashes = _checked(asked.head, features, ids), id_hashes(ids)
    order = np.argsort(hashes, kind="stable")

    def ask_block(block: slice) -> None:
        rows = order[block]
        inputs = features[rows]
        predicted = None if counts is None else asked.predicted(inputs)
        disagreed = np.zeros(len(rows), np.int32)
        total = np.zeros((len(rows), len(asked.bias)), np.float32)
        entropies = np.zeros(len(rows), np.float32)
        for logits in asked.logits(inputs, hashes[rows]):
            if predicted is not None:
                disagreed += logits.argmax(axis=1) != predicted
            if information is not None:
                probabilities = softmax(logits)
                total += probabilities
                entropies += entropy(probabilities)
        if counts is not None:
            counts[rows] = disagreed
        if information is not None:
            passes = np.float32(len(asked.keys))
            information[rows] = np.maximum(entropy(total / passes) - entropies / passes, 0)

    for_each_block(len(order), ask_block, CHUNK_ROWS)


def _keep(states: Words, width: int, dropped: int) -> npt.NDArray[np.bool_]:
    """Which features are kept, (N, width): each 64-bit word of a row's SplitMix64 stream decides about four.

    Args:
        states: where each row's stream begins, (N,).
        width: d.
        dropped: how many of the LEVELS values of a 16-bit number drop a feature.
    """
    steps = np.arange(1, -(-width // 4) + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    words = mix(mix(states)[:, None] + steps)
    numbers = words.astype("<u8", copy=False).view("<u2")
    kept: npt.NDArray[np.bool_] = numbers[:, :width] >= np.uint16(dropped)
    return kept


def id_hashes(ids: Ids) -> Words:
    """What decides, of each id, which features a pass drops: uint64 (N,)."""
    return keyed_order(ids, "dropout")


def _checked(head: LinearHead, features: Features, ids: Ids) -> Features:
    width = head.weight.shape[1]
    if features.ndim != 2 or len(features) != len(ids):
        raise InputError(f"There are {len(ids)} ids for features of shape {features.shape}; each id needs one row.")
    if features.shape[1] != width:
        raise InputError(f"The head takes {width} features, these have {features.shape[1]}.")
    return features
