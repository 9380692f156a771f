import asyncio
import re
from pathlib import Path

from aiohttp import ClientSession, web

from tools.tool import run_tool

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "connect-your-records.md"
ROW = {
    "id": "S-9",
    "created": "2026-01-01T00:00:00Z",
    "country_code": "SG",
    "shop_name": "Best Shop",
    "blocked": True,
    "strikes": [{"policy": "ip.counterfeit", "at": "2026-02-01T00:00:00Z", "appeal_won": False}],
}


def examples():
    """The guide's Python, as a reader would paste it."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102 - the guide's own example
    return names


async def looked_up(look, answer):
    names = examples()

    async def seller(request):
        assert request.match_info["id"] == look.case.seller_id
        return answer()

    app = web.Application()
    app.router.add_get("/sellers/{id}", seller)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with ClientSession() as session:
            tool = names["seller_history"](session, f"http://127.0.0.1:{port}")
            return {draft.source: draft for draft in await run_tool(tool, look, {})}
    finally:
        await runner.cleanup()


def test_the_services_sellers_become_evidence(look):
    found = asyncio.run(looked_up(look(), lambda: web.json_response(ROW)))
    assert "seller.strikes_365d: 1" in found["tool:seller_history"].text
    assert "seller.state_active: 0 (suspended)" in found["tool:seller_history"].text


def test_a_seller_that_the_service_does_not_know_is_no_failure(look):
    found = asyncio.run(looked_up(look(seller_id="S/9 x"), lambda: web.Response(status=404)))
    assert "seller.on_record: 0" in found["tool:seller_history"].text


def test_a_service_that_is_down_or_talks_nonsense_is_noted(look):
    for answer in (lambda: web.Response(status=500), lambda: web.json_response({**ROW, "country_code": "nowhere"})):
        found = asyncio.run(looked_up(look(), answer))
        assert found["tool:seller_history"].unavailable


def test_every_port_of_the_guide_stands_where_it_says():
    for port, file in re.findall(r"\| `(\w+)` \| `(tools/[\w/]+\.py)` \|", GUIDE.read_text(encoding="utf-8")):
        assert f"class {port}(Protocol):" in (GUIDE.parents[2] / file).read_text(encoding="utf-8")
