"""Which modules a command loads, asked of a process of its own."""

import json
import subprocess
import sys


def loaded_by(*arguments: str) -> set[str]:
    """The names of all modules that a process has loaded when `labelcycle` with these arguments has ended."""
    script = (
        "import json, sys; from labelcycle.pipelines.cli.main import main; sys.argv = ['labelcycle', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "finally: print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))
