from domain.campaign import Rate
from domain.exchange import Exchange

class Seller:
    exchange: Exchange
    id: int
    place: int
    network_ms: int
    qps: int
    currency: int
    ads_domain: int
    currency_name: str
    head: bytes
    def __init__(self, exchange: Exchange, place: int, rates: tuple[Rate, ...]) -> None: ...
