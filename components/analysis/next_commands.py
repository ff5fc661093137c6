"""What to do with the model of a campaign that has ended, as commands."""

from dataclasses import dataclass

from labelcycle.components.core.campaign.campaign import Campaign


@dataclass(frozen=True)
class NextCommand:
    """A command line, with `ROOT` for the campaign's root, and what it does."""

    line: str
    what: str


def commands_of_an_end(campaign: Campaign, final: bool) -> list[NextCommand]:
    """The commands, in the order in which they make sense.

    Args:
        campaign: the campaign.
        final: whether the final model is trained already, where the recipe has one.
    """
    samples = "--embeddings NEW.npz" if campaign.backbone is None else "--images NEW"
    finalize = NextCommand("labelcycle finalize ROOT", "train the final model on all labels")
    rest = NextCommand(
        "labelcycle autolabel ROOT --error 0.02 --output labels",
        "label the rest of the pool by machine, as far as an audit by people certifies the error",
    )
    return [
        *([finalize] if campaign.recipe.final is not None and not final else []),
        NextCommand("labelcycle promote ROOT", "make the model the champion, unless it is worse than that"),
        NextCommand(f"labelcycle predict ROOT {samples} --output predictions.csv", "let the champion classify others"),
        *([rest] if campaign.recipe.data_selection is None else []),
        NextCommand("labelcycle export ROOT --output model", "write the champion as one ONNX file"),
    ]
