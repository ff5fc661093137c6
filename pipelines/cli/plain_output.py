"""Output for terminals and logs that cannot show every character, such as those of a POSIX locale or of cron.

What they cannot show is replaced by the plain characters that come nearest, so that no command fails for its bars.
"""

import codecs
import io
import sys

PLAIN = dict(zip("·–—×“”‘’█░▁▂▃▄▅▆▇", "---x\"\"''#._.-=+*%", strict=True))
PLAIN |= {"→": "->", "…": "...", "≥": ">=", "≤": "<=", "±": "+-"}
"""What stands for characters that labelcycle prints itself; all others become a question mark."""

HANDLER = "labelcycle_plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end


def print_plainly() -> None:
    """Let standard output and standard error replace what their encodings lack."""
    codecs.register_error(HANDLER, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors=HANDLER)
