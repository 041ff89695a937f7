"""Changing a value in Redis only if it is still what was read: what all writers of a fleet do, so that none undoes
another's work."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from targeting.redis_nodes import Command, Nodes

REPLACE = """
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return now end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
"""
REPLACE_SHA = hashlib.sha1(REPLACE.encode()).hexdigest()


class Swap(NamedTuple):
    """What was read (no bytes: nothing), and what is to be there instead (no bytes: nothing)."""

    old: bytes
    new: bytes


def swap(nodes: Nodes, swaps: Mapping[bytes, Swap]) -> dict[bytes, bytes]:
    """Replaces values by key; returns what is there instead, where it was not what was read. That may be the very bytes
    that were to be written: our own, sent before a connection broke, or another's, who did the same at the same time.
    Nobody can tell, and another's must not be taken for ours, so it is a difference.
    """
    commands: list[Command] = [(key, ("EVALSHA", REPLACE_SHA, 1, key, old, new)) for key, (old, new) in swaps.items()]
    replies = zip(swaps.items(), nodes.ask(commands), strict=True)
    return {key: reply for (key, _), reply in replies if isinstance(reply, bytes)}
