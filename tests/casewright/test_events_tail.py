import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from casewright.client import BadAddress, Client, ServiceAway, ServiceRefused
from tests.casewright.conftest import BIN

KEY = "cw_test"


class Service:
    """What the API answers on /api/v1/events, over a list of events that outlives its server."""

    def __init__(self):
        self.events = []
        self.asked = []
        self.refusals = []  # (status, body, headers) for the next requests

    def answer(self, path, headers):
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self.asked.append(asked)
        if headers["Authorization"] != f"Bearer {KEY}":
            return 401, {"detail": "this key is not known"}, {}
        if self.refusals:
            return self.refusals.pop(0)
        after = int(asked.get("after", "at-0").removeprefix("at-"))
        until = time.monotonic() + min(float(asked["wait"]), 0.5)
        while after == len(self.events) and time.monotonic() < until:
            time.sleep(0.01)
        found = self.events[after : after + 2]
        return 200, {"items": found, "next": f"at-{after + len(found)}"}, {}


@contextmanager
def serving(service, port=0):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body, headers = service.answer(self.path, self.headers)
            content = json.dumps(body).encode() if isinstance(body, dict) else body
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def event(number):
    return {"specversion": "1.0", "id": str(number), "type": "case.decided", "subject": f"c-{number}", "data": {"é": 1}}


def told(text):
    return [json.loads(line)["subject"] for line in text.splitlines()]


@pytest.fixture
def service():
    return Service()


def test_once_prints_every_event_one_a_line_and_says_how_to_go_on(casewright, service, tmp_path):
    service.events = [event(number) for number in range(5)]
    with serving(service) as port:
        arguments = ["events", "tail", "--once", "--url", f"http://127.0.0.1:{port}/"]
        ran = casewright(*arguments, cwd=tmp_path, CASEWRIGHT_KEY=KEY, check=0)
        assert [json.loads(line) for line in ran.stdout.splitlines()] == service.events
        assert "--after at-5" in ran.stderr
        service.events.append(event(5))
        ran = casewright(*arguments, "--after", "at-5", "--types", "a,b", cwd=tmp_path, CASEWRIGHT_KEY=KEY, check=0)
        assert told(ran.stdout) == ["c-5"]
        assert service.asked[-1] == {"after": "at-6", "types": "a,b", "wait": "0"}


def test_a_service_that_restarts_is_waited_for_and_nothing_is_missed_or_told_twice(service, tmp_path):
    env = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path), "CASEWRIGHT_KEY": KEY}
    service.events = [event(number) for number in range(3)]
    with serving(service) as port:
        tail = subprocess.Popen(
            ["casewright", "events", "tail", "--url", f"http://127.0.0.1:{port}"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        lines = [tail.stdout.readline() for _ in range(3)]
    service.events += [event(3), event(4)]
    service.refusals = [(503, {"detail": "starting"}, {"Retry-After": "1"}), (502, b"<html>", {})]
    with serving(service, port):
        lines += [tail.stdout.readline() for _ in range(2)]
        service.events.append(event(5))
        lines.append(tail.stdout.readline())
        time.sleep(0.1)
        tail.send_signal(signal.SIGINT)
        rest, errors = tail.communicate(timeout=20)
    assert told("".join(lines)) == [f"c-{number}" for number in range(6)]
    assert rest == ""
    assert tail.returncode == 130
    assert "--after at-6" in errors


@pytest.mark.parametrize(
    ("variables", "refusal", "said"),
    [
        ({}, None, "no_key"),
        ({"CASEWRIGHT_KEY": "cw_wrong"}, None, "the service answers 401: this key is not known"),
        ({"CASEWRIGHT_KEY": KEY}, (422, {"detail": "no such type"}, {}), "the service answers 422: no such type"),
        ({"CASEWRIGHT_KEY": KEY}, (200, b"<html>", {}), "is it Casewright"),
        ({"CASEWRIGHT_KEY": KEY}, (302, b"", {"Location": "http://127.0.0.1:9/"}), "the service answers 302"),
    ],
)
def test_a_refusal_ends_it_with_the_services_own_words(casewright, service, tmp_path, variables, refusal, said):
    service.refusals = [refusal] if refusal else []
    with serving(service) as port:
        url = f"http://127.0.0.1:{port}"
        ran = casewright("events", "tail", cwd=tmp_path, CASEWRIGHT_URL=url, **variables, check=2)
    assert said in ran.stderr
    assert ran.stdout == ""


def test_a_service_that_is_not_there_at_the_start_ends_it(casewright, tmp_path):
    url = "http://127.0.0.1:9"
    ran = casewright("events", "tail", cwd=tmp_path, CASEWRIGHT_URL=url, CASEWRIGHT_KEY=KEY, check=2)
    assert "service_away" in ran.stderr
    assert url in ran.stderr


def test_the_key_that_the_service_left_in_the_data_folder_serves(casewright, service, tmp_path):
    (tmp_path / "api-key").write_text(f"{KEY}\n")
    with serving(service) as port:
        settings = {"CASEWRIGHT_URL": f"http://127.0.0.1:{port}", "CASEWRIGHT_HOME": tmp_path}
        casewright("events", "tail", "--once", cwd=tmp_path, **settings, check=0)


def test_a_client_gives_the_problem_and_when_to_come_again(service):
    problem = {"detail": "full", "problems": [{"code": "backlog"}]}
    service.refusals = [(503, problem, {"Retry-After": "7"})]
    with serving(service) as port, Client(f"http://127.0.0.1:{port}", KEY) as client:
        with pytest.raises(ServiceRefused) as refused:
            client.get("/events", wait=0)
        assert client.get("/events", after=None, wait=0) == {"items": [], "next": "at-0"}
    assert (refused.value.status, refused.value.retry_after, refused.value.document) == (503, 7.0, problem)
    with pytest.raises(ServiceAway):
        Client(f"http://127.0.0.1:{port}", KEY).get("/events")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8400", "ftp://example.org", "http://", "http://[::1"])
def test_what_is_no_address_is_refused_by_name(url):
    with pytest.raises(BadAddress):
        Client(url, KEY)
