"""One connection to a Valkey or Redis server: asked, and given up when it does not answer in time.

Replies come as the protocol has them, whatever version of the client library reads them.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)

from outpour.base.redis_url import RedisUrl
from outpour.base.unhurried import to_the_end

ANSWER_S = 5.0
"""A server that takes longer is as good as gone: the connection is given up."""
CONNECT_S = 3.0
Word = bytes | str | int
Trouble = Literal["gone", "refused", "full"]


class ServerError(Exception):
    """The server does not do what it is asked.

    Attributes:
        kind: `gone` if it cannot be reached or does not answer, `refused` if it does not want to,
            `full` if it has no memory left.
        why: In words.
    """

    def __init__(self, kind: Trouble, why: str) -> None:
        super().__init__(why)
        self.kind: Trouble = kind
        self.why = why


class RedisServer:
    """A server and one connection to it, made when it is first asked.

    Args:
        url: Where it is.
        answer_s: How long an answer may take; a command that blocks has to take less.
    """

    def __init__(self, url: RedisUrl, *, answer_s: float = ANSWER_S) -> None:
        self.url = url
        self._answer_s = answer_s
        self._client: Redis | None = None
        self._sentinel: Any = None

    async def ask(self, *words: Word) -> Any:  # noqa: ANN401 - whatever the command replies
        """Ask one command.

        Raises:
            ServerError: It is not done, or perhaps is and nobody knows.
        """
        try:
            client: Any = self._connected()
            return await client.execute_command(*words)
        except (RedisError, OSError, asyncio.TimeoutError, ValueError) as error:
            raise await self._trouble(error) from error

    async def ask_all(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """Ask many commands at once, and give their replies in order.

        Raises:
            ServerError: One of them is not done; those before and after it may be.
        """
        if not commands:
            return []
        try:
            pipeline = self._connected().pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return list(await pipeline.execute())
        except (RedisError, OSError, asyncio.TimeoutError, ValueError) as error:
            raise await self._trouble(error) from error

    async def close(self) -> None:
        """Give up the connection; the next question makes a new one."""
        client, self._client = self._client, None
        sentinel, self._sentinel = self._sentinel, None
        clients = [client] if client is not None else []
        clients += sentinel.sentinels if sentinel is not None else []
        # Who is impatient would leave a connection open.
        await to_the_end(_let_go(clients))

    def _connected(self) -> Redis:
        if self._client is None:
            self._client = self._made()
            self._client.response_callbacks.clear()
        return self._client

    def _made(self) -> Redis:
        words = words_of(self.url, self._answer_s, Retry(NoBackoff(), 0))
        if not self.url.is_sentinel:
            return Redis(**words)
        known = {name: value for name, value in words.items() if name != "db"}
        make: Any = Sentinel
        self._sentinel = make(self.url.places, sentinel_kwargs=known, **words)
        found: Redis = self._sentinel.master_for(self.url.service or "")
        return found

    async def _trouble(self, error: BaseException) -> ServerError:
        # What was asked may still be answered, and would be taken for the answer to the next.
        await self.close()
        return _explained(error)


async def _let_go(clients: Sequence[Any]) -> None:
    """Close connections, whether or not the other side hears of it."""
    for one in clients:
        for close in (one.aclose, one.connection_pool.disconnect):
            with suppress(RedisError, OSError, asyncio.TimeoutError):
                await close()


def words_of(url: RedisUrl, answer_s: float, retry: object) -> dict[str, Any]:
    """What a client of redis-py takes to connect as this URL says."""
    words: dict[str, Any] = {
        "username": url.username,
        "password": url.password,
        "socket_timeout": answer_s,
        "socket_connect_timeout": CONNECT_S,
        "protocol": 2,
        "retry": retry,
        "db": url.db,
    }
    if url.is_tls:
        words |= {"ssl": True, **url.files}
    if url.path is not None:
        words["unix_socket_path"] = url.path
    elif not url.is_sentinel:
        words["host"], words["port"] = url.places[0]
    return words


def _explained(error: BaseException) -> ServerError:
    text = " ".join(str(error).split())[:200]
    if isinstance(error, OutOfMemoryError) or text.startswith("OOM"):
        return ServerError("full", "the server is out of memory")
    if isinstance(error, AuthenticationError):
        return ServerError("refused", f"user or password is wrong ({text})")
    if isinstance(error, (NoPermissionError, AuthorizationError)):
        return ServerError("refused", f"its ACL forbids what a node needs ({text})")
    if isinstance(error, MasterNotFoundError):
        return ServerError("gone", "the sentinels know no server of this name that is up")
    if isinstance(error, ResponseError):
        return ServerError("refused", text)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ServerError("refused", f"its certificate is not trusted ({cause.verify_message})")
    if isinstance(error, asyncio.TimeoutError) or "timeout" in text.lower():
        return ServerError("gone", "does not answer")
    fault = cause if isinstance(cause, OSError) else error
    if isinstance(fault, OSError) and fault.errno is not None:
        # Those of the resolver are below zero; asyncio puts words of its own for the system's.
        why = os.strerror(fault.errno) if fault.errno > 0 else fault.strerror or str(fault)
        return ServerError("gone", why.lower())
    text = text.rstrip(".") or type(error).__name__
    return ServerError("gone", text[:1].lower() + text[1:])
