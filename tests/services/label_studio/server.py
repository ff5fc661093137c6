"""A running Label Studio: started on a free loopback port with a database of its own, ended by the pid it started."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import requests

SECONDS_TO_START = 600
OWNER = "owner@example.org"
PASSWORD = "of-the-tests-alone"
QUIET = {
    "LATEST_VERSION_CHECK": "false",
    "COLLECT_ANALYTICS": "false",
    "FEATURE_FLAGS_OFFLINE": "true",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}
"""Without these it looks up servers outside, and waits for each."""


class LabelStudioServer:
    """One process on one folder. Made stopped."""

    def __init__(self, folder: Path, command: Path) -> None:
        self._folder = folder
        self._command = command
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = listener.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._command), "start", "--no-browser", "--port", str(self._port), "--internal-host", "127.0.0.1"]
                + ["--username", OWNER, "--password", PASSWORD],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)}
                | QUIET
                | {"LABEL_STUDIO_BASE_DATA_DIR": str(self._folder / "data")},
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if requests.get(f"{self.url}/health", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.5)
        raise AssertionError(f"Label Studio did not start:\n{(self._folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None


class Person:
    """Somebody with an account, logged in with a browser's session: what people do, without the browser."""

    def __init__(self, server: LabelStudioServer, email: str, password: str = PASSWORD) -> None:
        self.email = email
        self._server = server
        self._session = requests.Session()
        self.password = password

    def log_in(self) -> "Person":
        """Log in with an account that exists."""
        self._post_form("/user/login/", {"email": self.email, "password": self.password, "persist_session": "on"})
        return self

    def sign_up(self, invited_by: "Person") -> "Person":
        """Make an account by an invitation."""
        link = invited_by.call("GET", "/api/invite")["invite_url"]
        form = {"email": self.email, "password": self.password, "how_find_us": "other", "elaborate": "tests"}
        self._post_form(link[link.index("/user/") :], form)
        return self

    def personal_token(self) -> str:
        """A personal access token; an earlier one is revoked, because there can be one alone."""
        for token in self.call("GET", "/api/token/"):
            self.call("POST", "/api/token/blacklist/", {"refresh": token["token"]})
        made: str = self.call("POST", "/api/token/", {})["token"]
        return made

    def legacy_token(self) -> str:
        """The token of the older kind."""
        made: str = self.call("GET", "/api/current-user/token")["token"]
        return made

    def call(self, method: str, path: str, content: Any = None) -> Any:
        """Call the API as the web page does; returns the JSON, None where there is none."""
        answer = self._session.request(
            method,
            self._server.url + path,
            json=content,
            headers={"X-CSRFToken": self._session.cookies.get("csrftoken", ""), "Referer": self._server.url},
            timeout=120,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def _post_form(self, path: str, form: dict[str, str]) -> None:
        page = self._session.get(self._server.url + path, timeout=120)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found, page.text[:500]
        answer = self._session.post(
            self._server.url + path,
            data=form | {"csrfmiddlewaretoken": found.group(1)},
            headers={"Referer": self._server.url},
            timeout=120,
            allow_redirects=False,
        )
        assert answer.status_code == 302, answer.text[:2000]
