"""Commands to a Redis or a Redis Cluster, many at a time, waiting for answers: for writers, not for an event loop."""

import socket
import time
from collections.abc import Iterator, Sequence

import hiredis

from targeting.redis_address import Address, Away, Node, Words, packed, read_slots, slot_of

TIMEOUT_S = 5.0
PATIENCE_S = 20.0
"""How long a failing cluster (a master that is replaced) is asked again."""
PAUSE_S = 0.05
PIPELINE = 200
"""Commands sent before their answers are read: few enough that neither side fills the other's buffers."""

Command = tuple[bytes, Words]
"""The key, which says the node, and the words."""


class Link:
    """One connection."""

    def __init__(self, node: Node, address: Address, scripts: Sequence[str]) -> None:
        try:
            self._socket = socket.create_connection(node, TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context := address.context():
                self._socket = context.wrap_socket(self._socket, server_hostname=node[0])
        except OSError as error:
            raise Away(f"{node[0]}:{node[1]}: {error}") from None
        self._node, self._reader, self._scripts = node, hiredis.Reader(), scripts
        self.begin(address.greeting())
        self.load_scripts()

    def begin(self, words: Sequence[Words]) -> None:
        for reply in self.ask(words):
            if isinstance(reply, hiredis.ReplyError):
                raise Away(f"{self._node[0]}:{self._node[1]}: {reply}")

    def load_scripts(self) -> None:
        self.begin([("SCRIPT", "LOAD", script) for script in self._scripts])

    def ask(self, commands: Sequence[Words]) -> list[object]:
        """The answers in order; errors are `hiredis.ReplyError` among them. Raises `Away`."""
        replies: list[object] = []
        try:
            for first in range(0, len(commands), PIPELINE):
                batch = commands[first : first + PIPELINE]
                self._socket.sendall(packed(batch))
                replies += [self._reply() for _ in batch]
        except (OSError, hiredis.ProtocolError) as error:
            self.close()
            raise Away(f"{self._node[0]}:{self._node[1]}: {error}") from None
        return replies

    def _reply(self) -> object:
        while (reply := self._reader.gets()) is False:
            data = self._socket.recv(65_536)
            if not data:
                raise ConnectionResetError("the connection was closed")
            self._reader.feed(data)
        return reply

    def close(self) -> None:
        self._socket.close()


class Nodes:
    """All nodes of an address; ``scripts`` are Lua texts that are loaded wherever commands go. Raises `Away`."""

    def __init__(self, address: Address, scripts: Sequence[str] = ()) -> None:
        self._address, self._scripts = address, scripts
        self._links: dict[Node, Link] = {}
        self._slots: list[Node] = []

    def close(self) -> None:
        for link in self._links.values():
            link.close()
        self._links.clear()

    def ask(self, commands: Sequence[Command]) -> list[object]:
        """The answers in order. A connection that broke, a node that is replaced or a slot that moved is waited for;
        then what was not answered is sent again, so each command must bear being carried out twice. Raises `Away`.
        """
        replies: list[object] = [None] * len(commands)
        waiting = list(range(len(commands)))
        until = time.monotonic() + PATIENCE_S
        while waiting:
            again = []
            try:
                for node, places in self._by_node(commands, waiting):
                    again += self._ask_node(node, commands, places, replies)
            except Away:
                if time.monotonic() > until:
                    raise
                again = waiting
                self._forget()
            if again and time.monotonic() > until:
                raise Away(f"{self._address}: {replies[again[0]]}")
            if again:
                time.sleep(PAUSE_S)
            waiting = again
        return replies

    def _by_node(self, commands: Sequence[Command], places: Sequence[int]) -> Iterator[tuple[Node, list[int]]]:
        grouped: dict[Node, list[int]] = {}
        for place in places:
            grouped.setdefault(self._node_of(commands[place][0]), []).append(place)
        yield from grouped.items()

    def _ask_node(self, node: Node, commands: Sequence[Command], places: list[int], replies: list[object]) -> list[int]:
        """Returns the places of the commands that are to be sent again."""
        again = []
        for place, answer in zip(places, self._link(node).ask([commands[place][1] for place in places]), strict=True):
            reply = answer
            if isinstance(reply, hiredis.ReplyError):
                kind, *rest = str(reply).split()
                if kind == "ASK":
                    host, _, port = rest[1].rpartition(":")
                    _, reply = self._link((host or node[0], int(port))).ask([("ASKING",), commands[place][1]])
                elif kind == "NOSCRIPT":
                    self._link(node).load_scripts()
                    again.append(place)
                elif kind in ("MOVED", "CLUSTERDOWN", "TRYAGAIN", "LOADING", "READONLY", "MASTERDOWN"):
                    self._slots = []
                    again.append(place)
                if isinstance(reply, hiredis.ReplyError) and place not in again:
                    raise ReplyRefused(f"{node[0]}:{node[1]}: {reply}")
            replies[place] = reply
        return again

    def _node_of(self, key: bytes) -> Node:
        if not self._address.cluster:
            return self._address.nodes[0]
        if not self._slots:
            self._slots = self._map()
        return self._slots[slot_of(key)]

    def _map(self) -> list[Node]:
        problem = Away(f"{self._address}: no node answers")
        for node in dict.fromkeys([*self._address.nodes, *self._links]):
            try:
                return read_slots(self._link(node).ask([("CLUSTER", "SLOTS")])[0], node)
            except Away as error:
                problem = error
                self._links.pop(node, None)
        raise problem

    def scan(self, pattern: bytes) -> Iterator[bytes]:
        """Keys that a pattern fits, on all nodes; one may come twice, and one that is written meanwhile not at all.
        Raises `Away`.
        """
        if self._address.cluster and not self._slots:
            self._slots = self._map()
        for node in dict.fromkeys(self._slots) if self._address.cluster else self._address.nodes[:1]:
            cursor: object = b"0"
            while cursor is not None:
                reply = self._link(node).ask([("SCAN", cursor, "MATCH", pattern, "COUNT", 1_000)])[0]  # type: ignore[list-item]
                if not isinstance(reply, list):
                    raise ReplyRefused(f"{node[0]}:{node[1]}: {reply}")
                yield from reply[1]
                cursor = reply[0] if reply[0] != b"0" else None

    def _link(self, node: Node) -> Link:
        link = self._links.get(node)
        if link is None:
            link = self._links[node] = Link(node, self._address, self._scripts)
        return link

    def _forget(self) -> None:
        self.close()
        self._slots = []


class ReplyRefused(Away):
    """Redis refuses a command (out of memory, no permission, a key of another kind); its words."""
