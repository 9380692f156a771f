"""The guides to running the service, followed beside a service that runs."""

import re

import pytest

from tests.journeys.test_docs import ROOT, Reader, _text
from tests.service.served import serving

GUIDES = ROOT / "docs" / "guides"
ADDRESS = "http://127.0.0.1:8400"


class Visitor(Reader):
    """A reader whose service listens elsewhere than the page's."""

    def __init__(self, folder, home, url):
        super().__init__(folder, home)
        self.url = url
        self.done = []

    def _do(self, command, shown):
        self.done.append(command)
        super()._do(command.replace(ADDRESS, self.url), shown)


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """Follow a page beside a running service: `visited(page)` gives its reader."""
    home, readers = tmp_path_factory.mktemp("home"), {}
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o755)  # as root, the database runs under an account of its own
    sellers = str(ROOT / "examples" / "sellers.jsonl")
    with serving(home / "data", CASEWRIGHT_SELLERS=sellers) as served:

        def visit(name):
            if name not in readers:
                reader = Visitor(tmp_path_factory.mktemp(name), home, served.url)
                readers[name] = reader.read(GUIDES / f"{name}.md")
            return readers[name]

        yield visit


@pytest.mark.parametrize(("page", "least"), [("serve", 12), ("upgrade", 3), ("backup-and-restore", 1)])
def test_commands_print_what_the_page_shows(visited, page, least):
    reader = visited(page)
    assert reader.wrong == []
    assert len(reader.done) >= least


def test_what_is_shown_first_is_where_it_listens():
    assert f"CASEWRIGHT_URL={ADDRESS}" in _text(GUIDES / "serve.md")


def test_every_series_that_the_pages_name_is_there(visited):
    visited("serve")
    told = visited("serve").run("curl -s $CASEWRIGHT_URL/metrics").stdout
    for page in GUIDES.glob("*.md"):
        for name in re.findall(r"`(casewright_[a-z_]+)", _text(page)):
            assert f"# TYPE {name} " in told, (page.name, name)
