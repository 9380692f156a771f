"""`casewright load` against a service that is none, over HTTP; the cases it makes; the moments at which they arrive."""

import itertools
import json
import re
from collections import Counter

import pytest

from cases.case import read_case
from casewright.driving import arrivals
from casewright.load_figures import times
from casewright.synthetic import synthetic_cases
from policies.corpus import load_corpus
from tests.casewright.service_double import KEY, Double, serving


@pytest.fixture
def load(casewright, tmp_path):
    """Drive a double: returns the finished process."""

    def run(double, *arguments, check=0):
        with serving(double) as url:
            command = ("load", "--url", url, "--rate", "100", "--cases", "40", *arguments)
            return casewright(*command, cwd=tmp_path, check=check, CASEWRIGHT_KEY=KEY)

    return run


def figures(ran):
    return json.loads(ran.stdout)


# The cases


def test_the_same_seed_makes_the_same_cases_however_many_are_asked_for():
    few, many = list(synthetic_cases(20, 3)), list(synthetic_cases(200, 3))
    assert many[:20] == few
    assert list(itertools.islice(synthetic_cases(None, 3), 20)) == few
    assert [one["id"] for one in few[:2]] == ["load-3-0", "load-3-1"]


def test_another_seed_or_prefix_makes_others():
    one, other, named = (next(synthetic_cases(1, *given)) for given in ((1,), (2,), (1, "drill")))
    assert one["subject"] != other["subject"]
    assert (named["id"], named["subject"]["title"]) == ("drill-1-0", one["subject"]["title"])


def test_cases_are_valid_and_varied(root):
    made = list(synthetic_cases(1000, 1))
    read = [read_case(one) for one in made]
    assert len({case.region for case in read}) >= 12
    assert len({case.language for case in read}) >= 10
    assert len({case.subject.title for case in read}) >= 900
    types = Counter(kind for case in read for kind in set(case.raised_types))
    assert len(types) >= 12
    assert set(types) <= set(load_corpus(root / "policies").types)
    assert 300 <= sum(not case.raised_types for case in read) <= 700


def test_no_place_of_a_listing_is_left_open():
    assert [
        one["id"] for one in synthetic_cases(1000, 1) if {"{", "}"} & set(json.dumps(one["subject"]["title"]))
    ] == []


# The moments


def test_cases_arrive_at_the_rate_and_not_in_step():
    moments = list(itertools.islice(arrivals(50, 1), 5000))
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert moments[-1] == pytest.approx(100, rel=0.05)
    # Of a Poisson process 63 % of the gaps are below their mean, and 5 % beyond three times it.
    assert sum(gap < 0.02 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.02)
    assert sum(gap > 0.06 for gap in gaps) / len(gaps) == pytest.approx(0.050, abs=0.01)
    assert moments == list(itertools.islice(arrivals(50, 1), 5000))


def test_percentiles_are_values_that_were_seen():
    found = times(range(1, 201))
    assert (found.p50, found.p95, found.p99, found.most) == (100, 190, 198, 200)
    assert times([7.0]).p99 == 7.0
    assert times([]) is None


# The drive


def test_a_drive_prints_its_figures(load):
    ran = load(double := Double(takes=0.1, escalate={"load-1-3"}))
    assert len(double.bodies) == 40
    told = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines())
    assert told["submitted"].startswith("40 at ")
    assert told["taken"] == "40; known before 0, refused 0, never taken 0"
    assert told["outcomes"].startswith("39 decided, 1 with a person; ")
    assert told["lost"] == "0"
    assert ran.stderr == ""


def test_the_page_explains_every_line_that_is_printed(load, root):
    ran = load(Double())
    page = (root / "docs/guides/load.md").read_text(encoding="utf-8")
    printed = [re.match(r"\S+(?: \S+)*", line)[0] for line in ran.stdout.splitlines()]
    assert re.findall(r"(?m)^\| `(.+?)` \|", page) == printed


def test_the_figures_as_json(load):
    told = figures(load(Double(takes=0.3), "--json"))
    assert (told["submitted"], told["taken"], told["decided"], told["lost"]) == (40, 40, 40, 0)
    assert 0.3 <= told["outcome"]["p50"] < 3
    assert told["accepted"]["p50"] < told["outcome"]["p50"]
    assert told["accepted"]["p50"] <= told["accepted"]["p95"] <= told["accepted"]["p99"] <= told["accepted"]["most"]
    assert 10 < told["throughput"] < 100


def test_it_stops_after_the_seconds_it_is_given(load):
    told = figures(load(Double(), "--json", "--cases", "100000", "--seconds", "0.5"))
    assert 25 <= told["submitted"] <= 75


def test_cases_keep_arriving_while_none_is_answered(load):
    double = Double(holds=2.0)
    told = figures(load(double, "--json"))
    assert max(double.posted_at) - min(double.posted_at) < 2.0
    assert told["accepted"]["p50"] >= 2.0


def test_a_lost_case_is_named_with_what_the_service_says_of_it(load):
    ran = load(Double(lose={"load-1-5", "load-1-7"}), "--grace", "1", check=1)
    assert "  load-1-5: the service says: queued\n  load-1-7: the service says: queued\n" in ran.stdout
    assert dict(line.split(maxsplit=1) for line in ran.stdout.splitlines())["lost"] == "2"


def test_of_many_lost_ones_ten_are_named(load):
    told = figures(load(Double(lose={f"load-1-{n}" for n in range(30)}), "--grace", "1", "--json", check=1))
    assert (told["lost"], len(told["lost_named"])) == (30, 10)


def test_a_case_that_is_decided_twice_is_named(load):
    ran = load(Double(twice={"load-1-9"}), check=1)
    assert ran.stdout.endswith("decided twice  1\n  load-1-9\n")


def test_a_decision_that_is_told_twice_is_one(load):
    told = figures(load(Double(repeat={"load-1-9"}), "--json"))
    assert (told["decided"], told["decided_twice"]) == (40, 0)


def test_what_is_sent_away_comes_again_and_its_clock_runs(load):
    told = figures(load(Double(full=5, takes=0.1), "--json"))
    assert (told["full"], told["taken"], told["never_taken"], told["lost"]) == (5, 40, 0, 0)
    assert told["accepted"]["p99"] >= 1.0
    assert told["accepted"]["p50"] < 1.0


def test_a_service_that_never_has_room_takes_nothing_and_loses_nothing(load):
    told = figures(load(Double(full=10**6), "--json", "--cases", "5", "--grace", "2"))
    assert (told["taken"], told["never_taken"], told["lost"]) == (0, 5, 0)
    assert told["full"] >= 5


def test_an_answer_that_gets_lost_makes_no_case_known_before(load):
    told = figures(load(Double(drop=3), "--json"))
    assert (told["unanswered"], told["taken"], told["known"]) == (3, 40, 0)


def test_a_refused_case_is_named(load):
    ran = load(Double(refuse={"load-1-2"}), check=1)
    assert "refused load-1-2: 422 " in ran.stdout
    assert "39; known before 0, refused 1, never taken 0" in ran.stdout


def test_cases_that_were_known_measure_nothing(load):
    load(double := Double())
    ran = load(double)
    assert "0; known before 40, refused 0, never taken 0" in ran.stdout
    assert "take another --seed" in ran.stderr
    assert figures(load(double, "--json", "--seed", "2"))["known"] == 0


def test_where_nobody_listens_nothing_is_driven(casewright, tmp_path):
    with serving(Double()) as url:
        pass
    ran = casewright("load", "--url", url, cwd=tmp_path, check=2, CASEWRIGHT_KEY=KEY)
    assert ran.stderr.startswith(f"service_away: no service answers at {url}")


def test_a_service_that_goes_away_is_told_from_one_that_is_full(casewright, tmp_path):
    with serving(Double(drop=10**6)) as url:
        command = ("load", "--url", url, "--cases", "3", "--grace", "1", "--json")
        told = figures(casewright(*command, cwd=tmp_path, check=3, CASEWRIGHT_KEY=KEY))
    assert (told["never_taken"], told["full"]) == (3, 0)
    assert told["unanswered"] >= 3
