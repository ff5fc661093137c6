"""The command with which users and tests speak to the cluster."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kubectl:
    """Kubernetes' own kubectl, as administrator.

    Attributes:
        program: the command.
        kubeconfig: the file that names the cluster and has the administrator's key.
        namespace: where it looks if nothing else is said.
    """

    program: Path
    kubeconfig: Path
    namespace: str = "labelcycle"

    def __call__(self, *words: str, given: str = "", check: bool = True) -> str:
        """Run the command; returns what it printed.

        Args:
            words: the command line.
            given: what it reads from its standard input.
            check: whether it has to succeed.

        Raises:
            AssertionError: it failed; what it printed is in the message.
        """
        done = self.tried(*words, given=given)
        if check:
            assert done.returncode == 0, f"kubectl {' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def tried(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command, which may fail."""
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *words]
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.kubeconfig.parent)}
        return subprocess.run(command, input=given, env=environment, capture_output=True, text=True)

    def get(self, *words: str) -> Any:
        """What `kubectl get … --output=json` prints, read."""
        return json.loads(self("get", *words, "--output=json"))

    def apply(self, manifest: str) -> None:
        """Apply manifests given as text."""
        self("apply", "--filename=-", given=manifest)
