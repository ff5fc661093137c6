"""What torch says of weights that do not fit a network, which names every tensor, in a few words."""

import re

from labelcycle.components.core.errors import names_in_words

MOST_TENSORS = 4

_NAME = re.compile(r'"([^"]+)"')
_LISTS = {
    "missing": re.compile(r"Missing key\(s\) in state_dict: (.*)"),
    "unexpected": re.compile(r"Unexpected key\(s\) in state_dict: (.*)"),
}
_OTHER_SHAPE = re.compile(r"size mismatch for ([^:\s]+):")


def misfit_in_words(error: Exception) -> str:
    """The tensors that are missing, unexpected or of another shape, the first few of each; else what the error says.

    Args:
        error: raised while weights were loaded.
    """
    said = str(error)
    found = {kind: _NAME.findall(" ".join(pattern.findall(said))) for kind, pattern in _LISTS.items()}
    found["of another shape"] = _OTHER_SHAPE.findall(said)
    parts = [f"{kind}: {names_in_words(names, MOST_TENSORS)}" for kind, names in found.items() if names]
    return f"Tensors {'; '.join(parts)}." if parts else f"The error was: {said.rstrip('.')}."
