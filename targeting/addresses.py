"""Addresses of the internet and ranges of them: one written form each, so that each has one key.

An IPv4 address is the same written as IPv4 or as an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2); IPv6 is written as
RFC 5952 has it. A range is a network in CIDR form, of one address the address itself.
"""

import ipaddress
import socket
from typing import NamedTuple

from domain.naming import person_key

_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_BITS = 96


class IpRange(NamedTuple):
    """All addresses that have the first ``length`` bits in common with ``network``."""

    version: int
    network: int
    """As a number, with zeros behind ``length``; of IPv4 32 bits, of IPv6 128."""
    length: int

    @property
    def bits(self) -> int:
        return 32 if self.version == 4 else 128

    @property
    def single(self) -> bool:
        return self.length == self.bits

    @property
    def text(self) -> str:
        address = _written(self.version, self.network)
        return address if self.single else f"{address}/{self.length}"

    @property
    def key(self) -> int:
        return person_key("ip", self.text)


def address(text: str) -> IpRange | None:
    """The range that is one address; None for what is no address in digits."""
    try:
        return IpRange(4, int.from_bytes(socket.inet_pton(socket.AF_INET, text)), 32)
    except (OSError, ValueError):
        pass
    try:
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None
    if packed.startswith(_MAPPED):
        return IpRange(4, int.from_bytes(packed[12:]), 32)
    return IpRange(6, int.from_bytes(packed), 128)


def read_range(text: str) -> IpRange:
    """An address or a range. Raises ValueError for what is neither, and for a range with bits behind its prefix: what
    was meant cannot be known.
    """
    if (one := address(text)) is not None:
        return one
    try:
        network = ipaddress.ip_network(text, strict=False)
        exact = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(
            "an address is written 192.0.2.1 or 2001:db8::1, a range 192.0.2.0/24 or 2001:db8::/32"
        ) from None
    if "%" in text or "/" not in text or not text.rpartition("/")[2].isdigit():
        raise ValueError("an address has no zone, and a range a number of bits behind a slash, as in 192.0.2.0/24")
    found = IpRange(network.version, int(network.network_address), network.prefixlen)
    if exact.ip != network.network_address:
        raise ValueError(f"the range has bits behind its prefix; {found.text} is the range that this is in")
    mapped = found.network >> 32 == 0xFFFF and found.version == 6
    if mapped and found.length >= _MAPPED_BITS:
        return IpRange(4, found.network & 0xFFFFFFFF, found.length - _MAPPED_BITS)
    return found


def _written(version: int, number: int) -> str:
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4))
    if number < 1 << 32:  # the library would write the last four bytes as IPv4
        return str(ipaddress.IPv6Address(number))
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16))
