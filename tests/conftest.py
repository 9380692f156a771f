"""What holds for every test: no network, no settings from outside, and hypothesis without a stopwatch."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines that are busy with something else are no finding; nor is a slow first import inside an example.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("here", **_QUIET)
# CI must not fail on a change that has nothing to do with it: there every run draws the same examples.
settings.register_profile("ci", derandomize=True, database=None, **_QUIET)
settings.load_profile("ci" if os.environ.get("CI") else "here")

for _name in [name for name in os.environ if name.startswith(("CASEWRIGHT_", "OPENAI_"))]:
    del os.environ[_name]

_HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None}  # noqa: S104 - compared, not bound


def _refuse_network(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in _HERE:
        msg = f"a test reached for the network: {host}"
        raise RuntimeError(msg)


sys.addaudithook(_refuse_network)


@pytest.fixture(scope="session")
def root():
    """Give the folder of the checkout."""
    return Path(__file__).resolve().parent.parent
