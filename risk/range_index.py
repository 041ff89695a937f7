"""Ranges of addresses that may lie in one another: for an address all ranges it is in, the most specific first.

A dictionary for each length of a prefix that occurs; real lists have ten or twenty of them.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from targeting.addresses import IpRange

T = TypeVar("T")


class RangeIndex(Generic[T]):
    """Some value for each range."""

    def __init__(self) -> None:
        self._at: dict[int, list[tuple[int, dict[int, T]]]] = {4: [], 6: []}
        """Of each version the lengths, longest first, each with its networks: as numbers, without what is behind the
        prefix."""
        self._of: dict[tuple[int, int], dict[int, T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, range_: IpRange) -> T | None:
        """What is known of this very range."""
        networks = self._of.get((range_.version, range_.length))
        return None if networks is None else networks.get(range_.network >> (range_.bits - range_.length))

    def put(self, range_: IpRange, value: T) -> None:
        place = range_.version, range_.length
        if (networks := self._of.get(place)) is None:
            networks = self._of[place] = {}
            lengths = self._at[range_.version]
            self._at[range_.version] = sorted([*lengths, (range_.length, networks)], key=lambda one: -one[0])
        network = range_.network >> (range_.bits - range_.length)
        self._count += network not in networks
        networks[network] = value

    def around(self, range_: IpRange) -> Iterator[tuple[IpRange, T]]:
        """The ranges that a range or an address is in, itself among them, the most specific first."""
        bits, network = range_.bits, range_.network
        for length, networks in self._at[range_.version]:
            if length > range_.length:
                continue
            prefix = network >> (bits - length)
            if (value := networks.get(prefix)) is not None:
                yield IpRange(range_.version, prefix << (bits - length), length), value

    def items(self) -> Iterator[tuple[IpRange, T]]:
        """All of them, by version and from the longest prefix on."""
        for version, lengths in self._at.items():
            bits = 32 if version == 4 else 128
            for length, networks in lengths:
                for prefix, value in networks.items():
                    yield IpRange(version, prefix << (bits - length), length), value
