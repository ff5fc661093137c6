"""What a campaign keeps of an image-text backbone's other half: the network of text, and the texts of the classes."""

from typing import Annotated

from pydantic import Field

from labelcycle.components.core.config.embedding import FileName
from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.storage.objects import ObjectReference


class ZeroShot(Settings):
    """What the names of the classes say before there is a label.

    Attributes:
        model: where the network of text came from, for people.
        files: of the network of text, by name, so that classes can be added later: configuration, weights, tokenizer.
        prompts: sentences with `{class}` in the place of the class; a class's text is the mean over them.
        classes: whose texts the classifier has, in its order.
        classifier: the object.
    """

    model: str
    files: dict[FileName, ObjectReference]
    prompts: Annotated[list[str], Field(min_length=1)]
    classes: Annotated[list[str], Field(min_length=2)]
    classifier: ObjectReference
