"""A warm process is what Python would be: streams, exit codes, signals, environment and folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.warm_start import warm_python

pytestmark = pytest.mark.system


def warm(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([warm_python(), *arguments], capture_output=True, text=True, timeout=120, **settings)


def test_streams_arguments_environment_and_folder(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(sys.argv[1:], os.environ['HERE'], os.getcwd(), sys.stdin.read()); sys.stderr.write('e')"
    )
    ended = warm("-c", code, "a", "b", input="typed", cwd=tmp_path, env={**os.environ, "HERE": "there"})
    assert (ended.returncode, ended.stdout) == (0, f"['a', 'b'] there {tmp_path} typed\n")
    assert ended.stderr == "e"


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, "no\n"),
        ("import os; os._exit(5)", 5, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import atexit; atexit.register(print, 'last')", 0, ""),
    ],
)
def test_ends(code: str, exit_code: int, said: str) -> None:
    ended = warm("-c", code)
    assert ended.returncode == exit_code
    assert ended.stderr.endswith(said) and bool(ended.stderr) == bool(said)
    assert ended.stdout == ("last\n" if "last" in code else "")


def test_modules_and_scripts(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys, beside; print(__name__, sys.argv, beside.VALUE)")
    (tmp_path / "beside.py").write_text("VALUE = 7")
    script = str(tmp_path / "script.py")
    assert warm(script, "x").stdout == f"__main__ {[script, 'x']} 7\n"
    assert warm("-m", "script", "x", cwd=tmp_path).stdout == f"__main__ {[script, 'x']} 7\n"


def test_what_is_spawned_is_warm_too(tmp_path: Path) -> None:
    """Multiprocessing talks with what it spawns by pipes that are inherited."""
    (tmp_path / "spawning.py").write_text(
        "import multiprocessing, sys\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def loaded(name): return name in sys.modules\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(2, multiprocessing.get_context('spawn')) as pool:\n"
        "        print(list(pool.map(loaded, ['torch', 'spawning', '__mp_main__'])))\n"
    )
    ended = warm(str(tmp_path / "spawning.py"))
    assert ended.stdout == f"[{warm_python() != sys.executable}, False, True]\n", ended.stderr


def test_signals_are_handed_on_and_a_kill_ends_all() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    for number, ends_with in ((signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        with subprocess.Popen([warm_python(), "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            pid = int(process.stdout.readline())
            assert pid != process.pid or warm_python() == sys.executable
            process.send_signal(number)
            assert process.stdout.read() == ""  # the copy held it open
            assert process.wait(60) == ends_with


def test_everything_is_imported_but_where_python_has_other_settings() -> None:
    code = "import sys; print('torch' in sys.modules, sys.executable)"
    is_warm = warm_python() != sys.executable
    assert warm("-c", code).stdout == f"{is_warm} {warm_python()}\n"
    assert warm("-c", code, env={**os.environ, "PYTHONHASHSEED": "5"}).stdout == f"False {sys.executable}\n"
    assert warm("-c", code, env={**os.environ, "OMP_NUM_THREADS": "2"}).stdout == f"False {sys.executable}\n"
