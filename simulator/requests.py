"""Bid requests from files, posted byte for byte as they are: captures of other exchanges, odd cases."""

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from domain.errors import Problem, Refused
from simulator.config import Seller
from simulator.exchange import Auction
from simulator.market import market_of
from simulator.traffic import best_competing_bid


def requests_in(folder: Path, seller: Seller, rng: random.Random) -> Iterator[Auction]:
    """Every ``*.json`` file below the folder, in order of name. Raises `Refused` if there is none.

    A file that is no JSON object is posted too: what the bidder answers is then the point.
    """
    paths = sorted(path for path in folder.rglob("*.json") if path.is_file())
    if not paths:
        raise Refused([Problem(str(folder), "no *.json file", "it must be a folder with bid requests")])
    for path in paths:
        body = path.read_bytes()
        try:
            request = msgspec.json.decode(body)
        except msgspec.DecodeError:
            request = None
        price = best_competing_bid(market_of(seller.currency), rng)
        yield Auction(seller, body, request if isinstance(request, dict) else {}, price)
