"""Published bytes -> a `Snapshot` that shares with the one read before whatever is as it was.

Of a hundred thousand line items few are otherwise than they were. Those that are not are recognised by their bytes and
not decoded again: that takes a tenth of the time, and what compares the two snapshots sees at once what is the same.
"""

from typing import Any

import msgspec

from domain.campaign import Campaign, LineItem, Snapshot
from domain.creative import Creative

PARTS: dict[str, type[msgspec.Struct]] = {"campaigns": Campaign, "line_items": LineItem, "creatives": Creative}
"""Those that there are many of."""


def _outline() -> type[msgspec.Struct]:
    """`Snapshot` with its many things left as bytes."""
    fields: list[Any] = []
    for known in msgspec.structs.fields(Snapshot):
        kind: Any = tuple[msgspec.Raw, ...] if known.name in PARTS else known.type
        fields.append((known.name, kind) if known.required else (known.name, kind, known.default))
    return msgspec.defstruct("Outline", fields, frozen=True, forbid_unknown_fields=True)


class SnapshotReader:
    """Reads one snapshot after another. Raises msgspec.DecodeError for bytes that are none."""

    def __init__(self) -> None:
        self._outline = msgspec.msgpack.Decoder(_outline()).decode
        self._decode = {name: msgspec.msgpack.Decoder(kind).decode for name, kind in PARTS.items()}
        self._known: dict[str, dict[bytes, Any]] = {name: {} for name in PARTS}

    def read(self, data: bytes) -> Snapshot:
        outline: Any = self._outline(data)
        found = {name: getattr(outline, name) for name in outline.__struct_fields__}
        known = {name: self._part(name, found[name]) for name in PARTS}
        self._known = known
        return Snapshot(**found | {name: tuple(part.values()) for name, part in known.items()})

    def _part(self, name: str, written: tuple[msgspec.Raw, ...]) -> dict[bytes, Any]:
        """In their order. Each has an id of its own, so no two are written alike."""
        before, decode = self._known[name], self._decode[name]
        return {raw: before.get(raw) or decode(raw) for raw in map(bytes, written)}
