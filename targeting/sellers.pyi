from collections.abc import Iterable

from typing_extensions import Buffer

VERSION: int
NONE_THERE: int
THERE: int
ALIAS: int
RESELLER: int
DIRECT: int
PUBLISHER: int
INTERMEDIARY: int
BOTH: int

def pack(sellers: Iterable[tuple[str, str, int]], valid_until_s: int) -> bytes: ...
def pack_none(valid_until_s: int) -> bytes: ...
def pack_alias(domain: str, valid_until_s: int) -> bytes: ...
def key_of(kind: str, name: str) -> int: ...
def seller_id(system: str, account: str) -> int: ...
def look_up(record: Buffer, seller: int, now_s: int) -> int: ...
