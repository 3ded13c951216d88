"""An even pace, shared by every task of a client."""

import asyncio

from campaignsync.errors import ConfigurationError

MOST = 12.0
"""Requests a second that the API allows a key, on all endpoints together (API.md [S])."""


class Pace:
    """Lets one request go each 1/rate seconds, first come, first served.

    Measured: an even pace of 11 a second is never refused by a server that allows 12 in any
    sliding second, with 60 ms of jitter on the way; a token bucket of 12 is, for after a pause it
    sends twelve at once and the next twelve right behind them.
    """

    def __init__(self, rate: float) -> None:
        if not 0 < rate <= MOST:
            raise ConfigurationError(
                f"the rate is {rate:g} requests a second; the API allows more than 0, up to 12"
            )
        self._interval = 1 / rate
        self._free_at = 0.0
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until a request may go; retries wait like all others."""
        clock = asyncio.get_running_loop().time
        async with self._queue:
            # Again after each sleep: somebody may have been told to hold meanwhile.
            while (wait := self._free_at - clock()) > 0:  # noqa: ASYNC110 - no event, a moment
                await asyncio.sleep(wait)
            self._free_at = clock() + self._interval

    def hold(self, seconds: float) -> None:
        """Let nobody go for some seconds: the server asked for it."""
        until = asyncio.get_running_loop().time() + seconds
        self._free_at = max(self._free_at, until)
