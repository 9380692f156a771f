"""The way in: where each account's work is."""

from starlette.responses import Response

from console.door import Door
from console.visit import Visit


async def start(visit: Visit) -> Response:
    """Send everybody to the first page that is theirs."""
    return visit.go(visit.places[0].path)


DOORS = (Door("GET", "/", start),)
