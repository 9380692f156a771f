"""`casewright serve` as a process of its own, on a free port, with all that it says."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Served:
    """A running service.

    Attributes:
        url: of its root.
        said: the file of its standard error.
    """

    def __init__(self, process, url, home, said):
        self.process = process
        self.url = url
        self.home = home
        self.said = said

    @property
    def key(self):
        return (self.home / "api-key").read_text().strip()

    def stop(self, seconds=60):
        """Stop it in order; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def variables(home, **more):
    """The environment of a command: nothing of the tests' own."""
    kept = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
    return {**kept, "CASEWRIGHT_HOME": str(home), **more}


@contextmanager
def serving(home, workers=1, port=None, options=(), **more):
    """Serve for the time of the block; the database is embedded where `CASEWRIGHT_DB` names none."""
    port, said = port or free_port(), home / "said.log"
    home.mkdir(parents=True, exist_ok=True)
    with said.open("wb") as file:
        command = ["casewright", "serve", "--port", str(port), "--workers", str(workers), *options]
        process = subprocess.Popen(command, env=variables(home, **more), stderr=file, stdout=file)
        served = Served(process, f"http://127.0.0.1:{port}", home, said)
        try:
            _wait(served)
            yield served
        finally:
            if process.poll() is None:
                served.stop()


def _wait(served, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert served.process.poll() is None, served.said.read_text()
        try:
            with urllib.request.urlopen(f"{served.url}/readyz") as answered:  # noqa: S310 - this machine's
                if answered.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise AssertionError(served.said.read_text())
