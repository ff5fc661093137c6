"""Keys that choose a class on the labelling page."""

import xml.etree.ElementTree as xml

HOTKEYS = "1234567890qwetasdfgzxcb"
"""In the order in which classes get them; r, v and other keys of the page's own are not among them."""

UNSURE_HOTKEY = "n"


def give_hotkeys(control: xml.Element) -> None:
    """Give each choice of a control that has no key the first that is free, as long as there are some."""
    choices = list(control.iter("Choice"))
    taken = {choice.get("hotkey") for choice in choices}
    free = (key for key in HOTKEYS if key not in taken)
    for choice in choices:
        if choice.get("hotkey") is None and (key := next(free, None)) is not None:
            choice.set("hotkey", key)
