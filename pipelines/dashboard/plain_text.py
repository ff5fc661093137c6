"""Text from outside, such as the names of samples and annotators, made fit for a terminal."""


def plain_text(text: str) -> str:
    """The text with `�` for every character that is not printable, so that nobody's name can steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
