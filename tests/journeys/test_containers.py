"""The container files name what exists: commands and options, files, variables, ports; and they leave time to end."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from casewright.commands.serve import command as serve
from casewright.settings import VARIABLES
from casewright.tree import _DRAIN_S

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "db"]


def steps(instruction):
    """What follows an instruction, wherever it stands."""
    return [line.split(maxsplit=1)[1] for line in LINES if line.startswith(f"{instruction} ")]


def listed(text):
    """The list in an instruction's exec form."""
    return json.loads(re.search(r"\[.*\]", text)[0])


def port_of(test):
    return int(re.search(r"127\.0\.0\.1:(\d+)/", " ".join(test))[1])


(ENTRYPOINT,), (CMD,) = map(listed, steps("ENTRYPOINT")), map(listed, steps("CMD"))


@pytest.mark.parametrize("command", [CMD, *(SERVICES[name]["command"] for name in OURS)], ids=" ".join)
def test_commands_and_options_exist(command):
    ran = subprocess.run([BIN / ENTRYPOINT[0], *command, "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    unknown = subprocess.run([BIN / ENTRYPOINT[0], *command, "--no-such", "--help"], capture_output=True, check=False)
    assert unknown.returncode == 2  # so that the line above says something


def test_what_is_copied_is_there_and_the_wheel_is_whole():
    sources = {word for step in steps("COPY") if not step.startswith("--from") for word in shlex.split(step)[:-1]}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) <= sources
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through == sources


def test_everything_that_is_installed_is_locked_with_hashes():
    installs = [line for line in LINES if re.search(r"pip\S* (--python \S+ )?install", line)]
    for step in " && ".join(installs).split("&&"):
        if " install " in step:
            assert "--require-hashes" in step or "--no-index" in step, step
            assert "--no-deps" in step
    (pattern,) = re.findall(r"keep = /\^\((.*?)\)==/", "\n".join(LINES))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert [name for name in pattern.split("|") if f"\n{name}==" not in f"\n{lock}"] == []


def test_the_images_python_is_one_that_serves():
    images = {step.split()[0] for step in steps("FROM")}
    assert images == {"python:3.11-slim"}
    assert PROJECT["project"]["requires-python"].startswith(">=3.11")


def test_it_runs_as_nobody_in_particular_and_writes_in_one_place():
    last = LINES[max(i for i, line in enumerate(LINES) if line.startswith("FROM")) :]
    assert [line.split()[1] for line in last if line.startswith("USER")] == ["10001"]
    (volume,) = steps("VOLUME")
    assert f"CASEWRIGHT_HOME={volume}" in " ".join(steps("ENV"))
    assert not any("gcc" in line or "build-essential" in line for line in last)
    for name in OURS:
        service = SERVICES[name]
        assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["ALL"])  # noqa: S108 - in a container
        assert [place.split(":")[-1] for place in service["volumes"]] == [volume]
    # The index in it bears one process, and the workers are two.
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert ":" not in SERVICES["worker"]["volumes"][0]


def test_variables_are_known_and_none_is_a_secret():
    set_here = {name for name in OURS for name in SERVICES[name]["environment"]}
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    named = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    assert set_here <= VARIABLES
    assert named == set(example)
    assert named - {"POSTGRES_PASSWORD"} <= VARIABLES
    assert [name for name in example if ("PASSWORD" in name or "KEY" in name) and example[name]] == []
    assert ".env" in (ROOT / ".gitignore").read_text().split()


def test_ports_are_the_ones_that_are_served():
    (default,) = [option.default for option in serve.params if option.name == "port"]
    (health,) = steps("HEALTHCHECK")
    assert {int(steps("EXPOSE")[0]), port_of(listed(health))} == {default}
    assert SERVICES["api"]["ports"] == [f"127.0.0.1:{default}:{default}"]
    worker = SERVICES["worker"]
    assert worker["command"][-1] == f"0.0.0.0:{port_of(worker['healthcheck']['test'])}"


def test_there_is_time_to_finish_what_is_in_flight():
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > _DRAIN_S
    assert SERVICES["db"]["image"].startswith("postgres:17")
    (place,) = SERVICES["db"]["volumes"]
    assert place == "database:/var/lib/postgresql/data"
    assert set(COMPOSE["volumes"]) == {"database", "home"}
    assert all(SERVICES[name]["depends_on"]["db"]["condition"] == "service_healthy" for name in OURS)


@pytest.mark.parametrize("test", [listed(steps("HEALTHCHECK")[0]), SERVICES["worker"]["healthcheck"]["test"][1:]])
def test_health_is_asked_for_in_python_that_runs(test):
    (code,) = [word for word in test if "urllib" in word]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1  # nobody is there
    assert "URLError" in ran.stderr
