"""A receiver of webhooks: a real HTTP server that answers as it is told."""

import asyncio
from contextlib import asynccontextmanager

from aiohttp import web
from standardwebhooks import Webhook as PublicWebhook

from service.events import number_events


class Receiver:
    """A real HTTP server that answers as it is told, and keeps what came."""

    def __init__(self):
        self.answers = []  # for the next requests; 204 when there is none left
        self.came = []
        self.arrived = asyncio.Event()
        self.hold = None

    async def take(self, request):
        self.came.append((dict(request.headers), await request.read()))
        self.arrived.set()
        if self.hold:
            await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else 204
        return answer if isinstance(answer, web.Response) else web.Response(status=answer)

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.came]

    def verified(self, secret, nth=-1):
        headers, body = self.came[nth]
        return PublicWebhook(secret).verify(body, headers)


@asynccontextmanager
async def receiving(port=0):
    """Run a receiver: gives it, with its URL."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        if receiver.hold:
            receiver.hold.set()
        await runner.cleanup()


async def tell(pool, *case_ids, kind="case.decided"):
    for case_id in case_ids:
        await pool.execute("INSERT INTO events (type, case_id, data) VALUES ($1, $2, $3)", kind, case_id, {"é": "«x»"})
    await number_events(pool)
