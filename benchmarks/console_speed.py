"""How fast the console is with many cases stored: its pages on the server, and from a key to the next case in Chromium.

    python benchmarks/console_speed.py [--cases 10000] [--decisions 30] [--json FILE]

It serves the example cases on a database of its own and writes copies of them, open and decided, until there are as
many as asked for. Then it asks for pages over HTTP as a browser would, and decides cases by keyboard in a real one,
which it needs to find (Debian's package `chromium`). Nothing leaves this machine.
"""

import argparse
import asyncio
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from drills.databases import database_on, server_of
from drills.ports import free_port
from playwright.sync_api import Page, sync_playwright

_PASSWORD = "long enough to be safe"  # noqa: S105 - of an account that lives as long as the benchmark
_EXAMPLES = 24
_SAMPLES = 60
_SOUGHT = """
() => {
  const before = document.querySelector("main").dataset.case;
  window.next_ = new Promise((done) => {
    let begun = 0;
    const begin = (event) => { if (event.key === "Enter") begun = performance.now(); };
    document.addEventListener("keydown", begin, { capture: true });
    const painted = () => setTimeout(() => done(performance.now() - begun));
    const look = () => {
      const main = document.querySelector("main[data-case]");
      const there = begun && main && main.dataset.case !== before;
      requestAnimationFrame(there ? painted : look);
    };
    look();
  });
}
"""
"""Times from the key's going down until the next case has been painted."""


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="stored, half of them open")
    parser.add_argument("--decisions", type=int, default=30, help="decided by keyboard in Chromium")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    asked = parser.parse_args()
    figures = asyncio.run(_measured(asked.cases, asked.decisions))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


async def _measured(cases: int, decisions: int) -> dict[str, Any]:
    with server_of("embedded") as server:
        async with database_on(server) as dsn:
            return await asyncio.to_thread(_on, dsn, cases, decisions)


def _on(dsn: str, cases: int, decisions: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home, _served(dsn, Path(home)) as (url, welcome):
        asyncio.run(_fill(dsn, cases))
        with sync_playwright() as playwright:
            program = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=url).new_page()
            _sign_in(page, welcome)
            cookies = {str(cookie["name"]): str(cookie["value"]) for cookie in page.context.cookies()}
            figures = {"cases": cases, "pages": _pages(url, cookies), "weight": _weight(url, cookies)}
            figures["next_ms"] = _decided(page, decisions)
            browser.close()
    _print_next(figures["next_ms"])
    return figures


@contextmanager
def _served(dsn: str, home: Path) -> Iterator[tuple[str, str]]:
    """Serve the examples; gives the address, and the link that makes the first account."""
    port, log = free_port(), home / "said.log"
    command = [sys.executable, "-m", "casewright", "serve", "--demo", "--port", str(port)]
    settings = {"DB": dsn, "HOME": str(home), "BLIND_SHARE": "0", "LOG": "warning"}
    variables = [f"CASEWRIGHT_{name}={value}" for name, value in settings.items()]
    with log.open("wb") as file:
        process = subprocess.Popen(["env", *variables, *command], stderr=file)  # noqa: S603, S607 - ourselves
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"(http://\S+)/welcome/\S+", log.read_text())):
            if time.monotonic() > until:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        asyncio.run(_all_wait(dsn))
        yield found[1], found[0]
    finally:
        process.terminate()
        process.wait(60)


async def _all_wait(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    while await connection.fetchval("SELECT count(*) FROM cases WHERE status = 'waiting'") < _EXAMPLES:  # noqa: ASYNC110 - somebody else's doing
        await asyncio.sleep(0.3)
    await connection.close()


async def _fill(dsn: str, cases: int) -> None:
    """Write copies of the examples, every other one decided by a person, as the service would have."""
    connection = await asyncpg.connect(dsn)
    held = await connection.fetch("SELECT * FROM cases ORDER BY id")
    asked = {row["case_id"]: dict(row) for row in await connection.fetch("SELECT * FROM escalations")}
    rows, raised = [], []
    for number in range(cases - len(held)):
        row = dict(held[number % len(held)])
        old, new = row["id"], f"copy-{number:06}"
        row |= {"id": new, "body": _renamed(row["body"], old, new), "result": _renamed(row["result"], old, new)}
        open_ = {**asked[old], "case_id": new, "body": _renamed(asked[old]["body"], old, new)}
        open_ |= {"claimed_by": None, "claimed_until": None, "sought": f"{new} {row['title']}".lower()}
        if number % 2:
            at = row["received_at"]
            row |= {"status": "decided", "decided_by": "person", "outcome": "no_violation", "closed_at": at}
            open_ |= {"answer": b"{}", "answered_by": "somebody", "answered_at": at, "closed_at": at}
        rows.append(tuple(row.values()))
        raised.append(tuple(open_.values()))
    names = list(held[0].keys())
    await connection.copy_records_to_table("cases", records=rows, columns=names)
    await connection.copy_records_to_table("escalations", records=raised, columns=list(next(iter(asked.values()))))
    await connection.execute("ANALYZE")
    await connection.close()


def _renamed(text: bytes, old: str, new: str) -> bytes:
    return text.replace(f'"{old}"'.encode(), f'"{new}"'.encode())


def _sign_in(page: Page, welcome: str) -> None:
    page.goto(welcome)
    for field, value in (("#id", "bench"), ("#name", "Bench Mark"), ("#password", _PASSWORD)):
        page.fill(field, value)
    page.keyboard.press("Enter")
    page.wait_for_selector(".case-row")


def _pages(url: str, cookies: dict[str, str]) -> dict[str, list[float]]:
    """Milliseconds until each page has come over the loopback, with what a file that is only read takes beside them."""
    found: dict[str, list[float]] = {}
    with httpx.Client(base_url=url, cookies=cookies) as http:
        mark = re.search(r"/static/\w+/mark\.svg", http.get("/queue").text)
        cases = [f"/cases/copy-{number:06}" for number in range(0, 2 * _SAMPLES, 2)]
        paths = {"a static file": [mark[0] if mark else "/"], "case": cases, "queue": ["/queue"]}
        paths |= {"decisions": ["/decisions"], "policies": ["/policies"], "numbers": ["/numbers"]}
        for name, some in paths.items():
            for path in some:
                http.get(path).raise_for_status() if name == "case" else http.get(path)
            found[name] = [_timed(http, some[n % len(some)]) for n in range(_SAMPLES)]
            _print_page(name, found[name])
    return found


def _timed(http: httpx.Client, path: str) -> float:
    begun = time.perf_counter()
    http.get(path)
    return 1000 * (time.perf_counter() - begun)


def _weight(url: str, cookies: dict[str, str]) -> dict[str, int]:
    """Bytes over the wire of a case page and of each file that it loads, pictures left out."""
    with httpx.Client(base_url=url, cookies=cookies, headers={"accept-encoding": "gzip"}) as http:
        page = http.get("/cases/01-pod-or-humidifier")
        files = sorted(set(re.findall(r"/static/\w+/[\w.]+", page.text)))
        sizes = {"the page": page.num_bytes_downloaded}
        sizes |= {file.rpartition("/")[2]: http.get(file).num_bytes_downloaded for file in files}
    print(f"\ncase page, first visit: {sum(sizes.values()) / 1000:.1f} kB without pictures ({sizes})")
    return sizes


def _decided(page: Page, decisions: int) -> list[float]:
    """Milliseconds from the key that decides until the next case is on the screen."""
    page.goto("/next")
    page.wait_for_selector("section.ask.in-hand")
    found = []
    for _ in range(decisions):
        if page.get_attribute("#decide", "aria-disabled") == "true":
            page.keyboard.press("m")
            page.wait_for_selector("#decide[aria-disabled=false]")
        page.wait_for_timeout(400)  # nobody decides before the next case has been fetched
        page.evaluate(_SOUGHT)
        page.keyboard.press("Enter")
        found.append(float(page.evaluate("() => window.next_")))
    return found


def _print_page(name: str, took: list[float]) -> None:
    print(f"{name:14} p50 {statistics.median(took):6.1f} ms   p95 {sorted(took)[int(0.95 * len(took))]:6.1f} ms")


def _print_next(took: list[float]) -> None:
    told = f"median {statistics.median(took):.0f} ms, {min(took):.0f} to {max(took):.0f}"
    print(f"from the key to the next case on screen: {told} ({len(took)} decisions)")


if __name__ == "__main__":
    main()
