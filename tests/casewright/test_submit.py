"""`casewright submit` against a service that is none, over HTTP."""

import json
import threading
import time

import pytest

from tests.casewright.conftest import case, lines
from tests.casewright.service_double import KEY, Double, serving

PNG = b"\x89PNG\r\n\x1a\n a picture, as far as anybody here looks"


def write(folder, *cases, name="cases.jsonl"):
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in cases), encoding="utf-8")


@pytest.fixture
def submit(casewright, tmp_path):
    """Submit `cases.jsonl` of the folder to a double: returns the finished process."""

    def run(double, *arguments, files=("cases.jsonl",), check=0, **others):
        with serving(double) as url:
            command = ("submit", *files, "--url", url, *arguments)
            return casewright(*command, cwd=tmp_path, check=check, CASEWRIGHT_KEY=KEY, **others)

    return run


def test_cases_go_in_batches_and_are_counted(submit, tmp_path):
    write(tmp_path, *(case(f"n{i}") for i in range(5)))
    ran = submit(double := Double(), "--batch", "2")
    assert double.requests == {"POST cases": 3}
    assert set(double.bodies) == {f"n{i}" for i in range(5)}
    assert (ran.stdout, ran.stderr) == ("", "5 taken, 0 known before, 0 refused.\n")


def test_what_is_sent_is_what_was_given(submit, tmp_path):
    given = case("one", reports=[{"by": "buyer", "text": "a fake", "at": "2026-03-14T09:30:00Z"}], priority=2)
    write(tmp_path, given)
    submit(double := Double())
    assert double.bodies["one"] == given


def test_a_second_run_changes_nothing(submit, tmp_path):
    write(tmp_path, case("a"), case("b"))
    submit(double := Double())
    ran = submit(double)
    assert ran.stderr == "0 taken, 2 known before, 0 refused.\n"
    assert len(double.bodies) == 2


def test_refused_cases_are_named_by_line_and_pointer_and_the_others_go_in(submit, tmp_path):
    write(tmp_path, case("good"), {**case("typed"), "regoin": "SG"}, case("unwanted"), case("changed"))
    double = Double(refuse={"unwanted"}, bodies={"changed": case("changed", "Another title")})
    ran = submit(double, check=1)
    assert "good" in double.bodies
    assert [line.split(" (")[0] for line in ran.stderr.splitlines()] == [
        "cases.jsonl:2: typed: /regoin: unknown_field: Extra inputs are not permitted",
        "cases.jsonl:3: unwanted: /region: missing: Field required",
        "cases.jsonl:4: changed: /id: another_body: known with another body",
        "1 taken, 0 known before, 3 refused.",
    ]


def test_where_no_case_of_a_batch_is_good_each_is_named(submit, tmp_path):
    write(tmp_path, case("x"), case("y"))
    ran = submit(Double(refuse={"x", "y"}), check=1)
    assert ran.stderr.splitlines() == [
        "cases.jsonl:1: x: /region: missing: Field required (add this field)",
        "cases.jsonl:2: y: /region: missing: Field required (add this field)",
        "0 taken, 0 known before, 2 refused.",
    ]


def test_pictures_are_uploaded_once_and_named_by_their_content(submit, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(PNG)
    (tmp_path / "images/same.png").write_bytes(PNG)
    first = case("first", subject={"images": [{"path": "images/a.png"}, {"sha256": "0" * 64}]})
    appeal = {"of": "first", "statement": "It is mine.", "documents": [{"path": "images/same.png"}]}
    write(tmp_path, first, case("second", appeal=appeal))
    submit(double := Double())
    ((kept, content),) = double.pictures.items()
    assert content == PNG
    named = {"sha256": kept, "media_type": "image/png"}
    assert double.bodies["first"]["subject"]["images"] == [named, {"sha256": "0" * 64}]
    assert double.bodies["second"]["appeal"]["documents"] == [named]
    assert double.requests == {"PUT images": 1, "POST cases": 1}


def test_a_picture_that_cannot_be_sent_keeps_its_case_back(submit, tmp_path):
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in/text.png").write_bytes(b"no picture")
    named = ("link", "text", "missing")
    write(tmp_path / "in", *(case(name, subject={"images": [{"path": f"{name}.png"}]}) for name in named), case("bare"))
    ran = submit(double := Double(), files=["in"], check=1)
    assert set(double.bodies) == {"bare"}
    assert double.pictures == {}
    told = ran.stderr.splitlines()
    assert told[-1] == "1 taken, 0 known before, 3 refused."
    assert [line.split(": ")[2] for line in told[:-1]] == ["/subject/images/0/path"] * 3


def test_standard_input_has_no_folder_for_pictures(submit):
    text = json.dumps(case("one", subject={"images": [{"path": "a.png"}]}))
    ran = submit(Double(), files=["-"], stdin=text, check=1)
    assert "/subject/images/0/path: image_unreadable" in ran.stderr


def test_a_full_service_is_waited_for_as_long_as_it_says(submit, tmp_path):
    write(tmp_path, case("a"))
    ran = submit(double := Double(full=2))
    first, second, third = double.posted_at
    assert second - first >= 1
    assert third - second >= 1
    assert ran.stderr.splitlines() == [
        "the service answers 503: no room; waiting for it",
        "1 taken, 0 known before, 0 refused.",
    ]


def test_an_answer_that_gets_lost_is_asked_for_again(submit, tmp_path):
    write(tmp_path, case("a"), case("b"))
    ran = submit(double := Double(drop=1))
    assert double.requests["POST cases"] == 2
    assert ran.stderr.endswith("0 taken, 2 known before, 0 refused.\n")


def test_a_service_that_starts_anew_is_waited_for(casewright, tmp_path):
    write(tmp_path, *(case(f"n{i}") for i in range(3)))
    double, ended = Double(full=10**6, retry_after="1"), []
    with serving(double) as url:
        command = ("submit", "cases.jsonl", "--url", url)
        run = threading.Thread(
            target=lambda: ended.append(casewright(*command, cwd=tmp_path, check=0, CASEWRIGHT_KEY=KEY))
        )
        run.start()
        while not double.posted_at:
            time.sleep(0.02)
    time.sleep(1.2)  # it has asked in vain once
    double.full = 0
    with serving(double, int(url.rpartition(":")[2])):
        run.join(30)
    assert ended[0].stderr.endswith("3 taken, 0 known before, 0 refused.\n")


def test_where_nobody_listens_it_says_so_at_once(casewright, tmp_path):
    write(tmp_path, case("a"))
    with serving(Double()) as url:
        pass
    began = time.monotonic()
    ran = casewright("submit", "cases.jsonl", "--url", url, cwd=tmp_path, check=3, CASEWRIGHT_KEY=KEY)
    assert f"service_away: no service answers at {url}" in ran.stderr
    assert "0 taken, 0 known before, 0 refused; the others were not sent." in ran.stderr
    assert "Traceback" not in ran.stderr
    assert time.monotonic() - began < 15


def test_a_wrong_key_is_a_wrong_setting(submit, tmp_path):
    write(tmp_path, case("a"))
    ran = submit(double := Double(), "--key", "cw_other", check=2)
    assert ran.stderr.splitlines()[-1].startswith("service_refused: the service answers 401")
    assert double.bodies == {}


def test_a_batch_that_is_too_large_goes_in_halves(submit, tmp_path):
    write(tmp_path, *(case(f"n{i}") for i in range(5)))
    ran = submit(double := Double(most=2))
    assert len(double.bodies) == 5
    assert ran.stderr == "5 taken, 0 known before, 0 refused.\n"


def test_waiting_gives_the_result_of_each_case(submit, tmp_path):
    write(tmp_path, *(case(f"n{i}") for i in range(30)), case("asked"))
    ran = submit(Double(takes=0.7, escalate={"asked"}, bodies={"n0": case("n0")}, settled={"n0"}), "--wait")
    found = lines(ran.stdout)
    assert set(found) == {f"n{i}" for i in range(30)} | {"asked"}
    assert len(ran.stdout.splitlines()) == 31
    assert found["asked"]["status"] == "escalated"
    assert ran.stderr == "30 taken, 1 known before, 0 refused.\n"


def test_waiting_does_not_hide_that_one_was_refused(submit, tmp_path):
    write(tmp_path, case("good"), case("bad"))
    ran = submit(Double(refuse={"bad"}), "--wait", check=1)
    assert set(lines(ran.stdout)) == {"good"}


def test_without_a_key_nothing_is_sent(casewright, tmp_path):
    write(tmp_path, case("a"))
    ran = casewright("submit", "cases.jsonl", "--url", "http://127.0.0.1:9", cwd=tmp_path, check=2)
    assert ran.stderr.startswith("no_key: ")
