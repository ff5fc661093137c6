"""Two processes that train together come to what one does."""

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from labelcycle.components.train_adapter import fit as acceleration

PROGRAM = """
import os
import sys

import numpy as np
import torch

from labelcycle.components.core.storage import open_store
from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.train_adapter.fit import acceleration_for
from labelcycle.components.train_adapter.head_modules import BatchNorm
from labelcycle.components.train_adapter.checkpoints import Checkpoints
from labelcycle.components.train_adapter.fit import Examples, fit, seed_everything

out = sys.argv[1]
accelerated = acceleration_for("float32")
rank = int(os.environ.get("RANK", "0"))
inputs = torch.randn(33, 3, generator=torch.Generator().manual_seed(0))
examples = Examples(inputs, (inputs[:, 0] > 0).long())
settings = LinearTrainer(epochs=3, batch_size=8, optimiser="sgd", accumulation=2)
for kind, layers in (("plain", []), ("noisy", [BatchNorm(3), torch.nn.Dropout(0.5)])):
    seed_everything(rank)
    network = torch.nn.Sequential(*layers, torch.nn.Linear(3, 2))
    with torch.no_grad():
        network[-1].weight.fill_(rank + 0.1)
        network[-1].bias.zero_()
    kept = Checkpoints(open_store(f"{out}/{kind}-{rank}"), "checkpoint.safetensors", every=0)
    fitted = fit(
        network, lambda rows: rows, examples, examples, settings, 0.1, 0, checkpoints=kept, acceleration=accelerated
    )
    values = torch.cat([value.flatten().double() for value in network.state_dict().values()])
    np.save(f"{out}/{kind}-{rank}.npy", [*values.tolist(), fitted.loss, fitted.validation_accuracy])
"""


def test_two_processes_are_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With noise, each process begins elsewhere and drops other features; they come to one model all the same."""
    program, out, alone = tmp_path / "program.py", tmp_path / "two", tmp_path / "one"
    program.write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(2):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port, "MASTER_ADDR": "127.0.0.1"}
        environment = dict(os.environ, CUDA_VISIBLE_DEVICES="") | {name: str(value) for name, value in place.items()}
        out.mkdir(exist_ok=True)
        started.append(subprocess.Popen([sys.executable, str(program), str(out)], env=environment))
    alone.mkdir()
    monkeypatch.setattr(sys, "argv", [str(program), str(alone)])
    runpy.run_path(str(program))
    assert [process.wait(100) for process in started] == [0, 0]
    plain = [np.load(folder / f"plain-{rank}.npy") for folder, rank in ((alone, 0), (out, 0), (out, 1))]
    assert np.allclose(plain[1], plain[0], atol=1e-5) and np.array_equal(plain[1], plain[2])
    assert np.array_equal(np.load(out / "noisy-0.npy"), np.load(out / "noisy-1.npy"))
    assert (out / "plain-0/checkpoint.safetensors").exists(), "the main process writes"
    assert not (out / "plain-1/checkpoint.safetensors").exists(), "no other process writes"


def test_one_process_on_a_cpu_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert acceleration.acceleration_for("float32") is None
