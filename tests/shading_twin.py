"""Shading in plain Python: every bid that the curve knows of, and the two ends, tried one by one."""

from collections.abc import Sequence


def win_rate(prices: Sequence[float], wins: Sequence[float], bid: float) -> float:
    """Nothing at nought, even between the curve's prices, and above the last what the last one wins."""
    if bid <= 0:
        return 0.0
    last_price, last_rate = 0.0, 0.0
    for price, rate in zip(prices, wins, strict=True):
        if bid < price:
            return last_rate + (rate - last_rate) * (bid - last_price) / (price - last_price)
        last_price, last_rate = price, rate
    return last_rate


def surplus(prices: Sequence[float], wins: Sequence[float], value: int, bid: float) -> float:
    return (value - bid) * win_rate(prices, wins, bid)


def allowed(prices: Sequence[float], value: int, floor: int, cap: int) -> list[int]:
    """All bids that are tried."""
    highest, lowest = min(value, cap), max(floor, 0)
    if highest <= lowest:
        return [highest]
    return [lowest, *(int(price) for price in prices if lowest < price < highest), highest]
