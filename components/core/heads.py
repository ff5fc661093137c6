"""The kinds of classification heads, and how a stored one is read whatever its kind.

Every head gives `logits` and `probabilities` of features, and `to_bytes`. It can be seen as two parts as well:
`hidden_features`, which come before its last linear layer, and `last`, a `LinearHead` that takes them.
"""

from dataclasses import fields

from labelcycle.components.core.head import LinearHead, not_a_head, read_tensors
from labelcycle.components.core.logistic_head import LogisticHead
from labelcycle.components.core.proxy_head import ProxyHead

Head = LinearHead | ProxyHead | LogisticHead

KINDS: tuple[type[LinearHead] | type[ProxyHead] | type[LogisticHead], ...] = (LinearHead, ProxyHead, LogisticHead)


def read_head(data: bytes) -> Head:
    """The head in a safetensors file made by a head's `to_bytes`; its tensors tell which kind it is.

    Raises:
        CampaignError: the bytes are no such file, or its tensors do not fit each other.
    """
    tensors = read_tensors(data)
    for kind in KINDS:
        if tensors.keys() == {field.name for field in fields(kind)}:
            head = kind(**tensors)
            head.check()
            return head
    raise not_a_head(f"its tensors are {', '.join(sorted(tensors)) or 'none'}")
