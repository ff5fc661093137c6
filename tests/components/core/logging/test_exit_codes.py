"""Which failures are worth another try."""

import errno
import socket
import subprocess
from concurrent.futures import BrokenExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
import requests
import torch
from safetensors import SafetensorError

from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.logging.failures import exit_code_of


@pytest.mark.parametrize(
    "error",
    [
        TransientError("come again"),
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ESTALE, "Stale file handle"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset"),
        TimeoutError(),
        BrokenExecutor(),
        BrokenProcessPool(),
        subprocess.CalledProcessError(-9, ["child"]),
        subprocess.CalledProcessError(137, ["child"]),
        torch.OutOfMemoryError("CUDA out of memory"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
        RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly"),
    ],
    ids=repr,
)
def test_a_failure_that_lies_in_the_machine_may_pass(error: BaseException) -> None:
    assert exit_code_of(error) == 2


@pytest.mark.parametrize(
    "error",
    [
        InputError("wrong"),
        ConfigurationError("wrong"),
        CampaignError("wrong"),
        ValueError("a bug"),
        AssertionError(),
        RuntimeError("a bug"),
        RecursionError(),
        FileNotFoundError(errno.ENOENT, "No such file"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EROFS, "Read-only file system"),
        OSError("without a number"),
        subprocess.CalledProcessError(1, ["child"]),
    ],
    ids=repr,
)
def test_wrong_input_and_faults_in_the_program_do_not(error: BaseException) -> None:
    assert exit_code_of(error) == 1


def test_control_c() -> None:
    assert exit_code_of(KeyboardInterrupt()) == 130


def test_an_http_client_that_finds_nobody() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(requests.ConnectionError) as caught:
            requests.get(f"http://127.0.0.1:{unused.getsockname()[1]}", timeout=5)
    assert caught.value.errno is None and exit_code_of(caught.value) == 2


def test_a_request_that_is_wrong() -> None:
    with pytest.raises(requests.RequestException) as caught:
        requests.get("no address", timeout=5)
    assert exit_code_of(caught.value) == 1
