"""aiohttp's pool of connections, without those on which somebody has spoken unasked."""

from __future__ import annotations

from typing import Any

import aiohttp

__all__ = ["Connector"]


class Connector(aiohttp.TCPConnector):
    """Gives no connection on which something waits to be read that nobody asked for.

    HTTP/1.1 has no numbers on its answers: what a server or a proxy sends twice, or too late, would be taken for the
    answer to whatever is asked next over that connection, and so would every answer after it.
    """

    async def connect(self, *args: Any, **options: Any) -> Any:
        """As the class above does; such a connection is closed, and the next one taken."""
        while True:
            connection = await super().connect(*args, **options)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()
