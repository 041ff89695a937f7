import msgspec

class Forged(ValueError): ...

class Token(msgspec.Struct, frozen=True, gc=False):
    bid: int
    imp: int
    bid_ns: int
    person: int
    site: int
    max_price: int
    advertiser: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    lease: int
    rate: int
    terms: int
    exchange: int
    expiry_s: int
    basis: int
    format: int
    test: bool
    device: int = ...
    household: int = ...
    context: int = ...

class Sealer:
    def __init__(self, seal_key: bytes, mac_key: bytes) -> None: ...
    def seal_token(self, token: Token) -> str: ...
    def bind_token(self, sealed: str, kind: int, extra: bytes = b"") -> str: ...
    def open(self, text: str, kind: int, extra: bytes = b"") -> Token: ...
