"""Text that is printed, line by line."""

import threading

from labelcycle.components.core.logging.json_logs import LineStream


def printed(*texts: str) -> list[str]:
    lines: list[str] = []
    stream = LineStream(lines.append)
    for text in texts:
        stream.write(text)
    stream.finish()
    return lines


def test_lines_are_handed_on_as_a_whole() -> None:
    assert printed("one", " line\nand an", "other\n\n  \nlast") == ["one line", "and another", "last"]


def test_of_a_bar_that_is_drawn_over_the_last_state_counts() -> None:
    assert printed("\r 10%", "\r 50%", "\r100%\n", "end\r\n") == ["100%", "end"]
    assert printed("1%\r", "2%\r", "3%") == ["3%"]
    assert printed("1%\r", "2%\r") == ["2%"]


def test_colours_are_left_out() -> None:
    assert printed("\x1b[1;31merror\x1b[0m: no\n") == ["error: no"]


def test_lines_of_threads_do_not_mix() -> None:
    lines: list[str] = []
    stream = LineStream(lines.append)
    stream.write("main ")
    thread = threading.Thread(target=lambda: print("thread", file=stream))
    thread.start()
    thread.join()
    stream.write("line\n")
    assert lines == ["thread", "main line"]
