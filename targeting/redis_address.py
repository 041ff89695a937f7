"""Where a Redis is, how a connection begins, and which of a cluster's slots a key belongs to."""

import ssl
from binascii import crc_hqx
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urlsplit

import hiredis

from domain.errors import Unavailable

SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")
FORMS = (
    "redis://[user:password@]host[:port][/db], or redis+cluster://[user:password@]host:port,host:port; rediss with TLS"
)
SLOTS = 16_384
PORT = 6_379

Node = tuple[str, int]
"""Host and port."""
Words = tuple[bytes | str | int, ...]
"""A command and its arguments."""
pack_command = cast("Callable[[Words], bytes]", hiredis.pack_command)
"""A command as it is sent."""


class Away(Unavailable):
    """Redis does not answer, or answers with an error that is not ours to mend. Text for the operator."""


@dataclass(frozen=True)
class Address:
    """A Redis, or some nodes of a cluster, which tell the others."""

    nodes: tuple[Node, ...]
    cluster: bool
    tls: bool
    user: str = ""
    password: str = ""
    db: int = 0

    def greeting(self) -> list[Words]:
        """Commands that begin a connection."""
        words: list[Words] = []
        if self.password:
            words.append(("AUTH", self.user, self.password) if self.user else ("AUTH", self.password))
        if self.db:
            words.append(("SELECT", self.db))
        return words

    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.tls else None

    def __str__(self) -> str:
        """For people: without the password."""
        scheme = ("rediss" if self.tls else "redis") + ("+cluster" if self.cluster else "")
        return f"{scheme}://{','.join(f'{host}:{port}' for host, port in self.nodes)}"


def parse(url: str) -> Address:
    """Raises ValueError saying what is allowed."""
    parts = urlsplit(url)
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    try:
        nodes = tuple(_node(place) for place in places.split(","))
        db = int(parts.path.strip("/") or 0)
    except ValueError:
        nodes, db = (), 0
    cluster = parts.scheme.endswith("+cluster")
    if parts.scheme not in SCHEMES or not nodes or (cluster and db) or (len(nodes) > 1 and not cluster) or db < 0:
        raise ValueError(f"{url.rpartition('@')[2]!r} is no address of a Redis; {FORMS}")
    return Address(nodes, cluster, parts.scheme.startswith("rediss"), unquote(user), unquote(password), db)


def _node(place: str) -> Node:
    split = urlsplit(f"//{place}")
    if not split.hostname:
        raise ValueError(place)
    return split.hostname, split.port or PORT


def slot_of(key: bytes) -> int:
    """The slot of a key in a cluster (Redis Cluster Specification, "Hash tags"): CRC16 of what is between its first
    ``{`` and the next ``}``, if something is; else of the whole.
    """
    begin = key.find(b"{")
    if begin >= 0:
        end = key.find(b"}", begin + 1)
        if end > begin + 1:
            key = key[begin + 1 : end]
    return crc_hqx(key, 0) % SLOTS


def packed(commands: Iterable[Words]) -> bytes:
    """Commands as they are sent."""
    return b"".join([pack_command(words) for words in commands])


def read_slots(reply: object, asked: Node) -> list[Node]:
    """The node of each slot, from the answer of CLUSTER SLOTS. Raises `Away` if slots have none."""
    nodes: list[Node | None] = [None] * SLOTS
    if not isinstance(reply, list):
        raise Away(f"CLUSTER SLOTS at {asked[0]}:{asked[1]}: {reply}")
    for first, last, (host, port, *_), *_ in reply:
        # An empty or unknown host stands for the one that was asked.
        node = (host.decode() if host and host != b"?" else asked[0], port)
        nodes[first : last + 1] = [node] * (last + 1 - first)
    served = [node for node in nodes if node is not None]
    if len(served) < SLOTS:
        raise Away(f"the cluster at {asked[0]}:{asked[1]} serves {len(served)} of {SLOTS} slots")
    return served
