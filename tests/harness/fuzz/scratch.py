"""One folder for the files of this process, gone when it ends."""

import atexit
import shutil
import tempfile
from pathlib import Path

SCRATCH = Path(tempfile.mkdtemp(prefix="labelcycle-fuzz-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
