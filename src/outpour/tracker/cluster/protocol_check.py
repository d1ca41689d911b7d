"""Looks once, before a node starts, whether it speaks what the others speak."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from outpour.base.errors import NetworkError
from outpour.base.redis_url import RedisUrl
from outpour.tracker.cluster.cluster_frame import PROTOCOL
from outpour.tracker.cluster.node_registry import other_protocol
from outpour.tracker.cluster.redis_server import words_of
from outpour.tracker.cluster.server_keys import ServerKeys

ANSWER_S = 1.0


def check_protocol(url: RedisUrl, name: str) -> None:
    """See that no other version is spoken; a server that is not there is no fault.

    Raises:
        NetworkError: The nodes of this cluster speak another version.
    """
    spoken: object = None
    with suppress(RedisError, OSError, ValueError):
        spoken = _ask(url, ServerKeys(name).of("protocol"))
    if spoken is not None and spoken != str(PROTOCOL).encode():
        raise NetworkError(
            f"`{url}`: {other_protocol(name, spoken)}",
            hint="update all nodes to the same version of outpour, or choose another "
            "`--cluster-name`",
        )


def _ask(url: RedisUrl, key: bytes) -> object:
    words = words_of(url, ANSWER_S, Retry(NoBackoff(), 0))
    words["socket_connect_timeout"] = ANSWER_S
    if url.is_sentinel:
        assert url.service is not None
        known = {name: value for name, value in words.items() if name != "db"}
        make: Any = Sentinel
        sentinel = make(url.places, sentinel_kwargs=known, **words)
        client = sentinel.master_for(url.service)
    else:
        client = Redis(**words)
    try:
        return client.get(key)
    finally:
        client.close()
