"""Consent strings, written the plain way: numbers to text of 0 and 1, six of them a character. For tests only."""

from dataclasses import dataclass, field

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def number(value: int, width: int) -> str:
    assert 0 <= value < 1 << width
    return f"{value:0{width}b}"


def flags(members: set[int], width: int) -> str:
    return "".join("1" if n in members else "0" for n in range(1, width + 1))


def text_of(bits: str) -> str:
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def ranges(members: set[int]) -> str:
    """Entries of 17 bits for one id, of 33 for ids in a row."""
    entries: list[list[int]] = []
    for n in sorted(members):
        if entries and entries[-1][1] == n - 1:
            entries[-1][1] = n
        else:
            entries.append([n, n])
    return number(len(entries), 12) + "".join(
        "0" + number(a, 16) if a == b else "1" + number(a, 16) + number(b, 16) for a, b in entries
    )


def vendors(members: set[int], as_ranges: bool) -> str:
    most = max(members, default=0)
    return number(most, 16) + ("1" + ranges(members) if as_ranges else "0" + flags(members, most))


@dataclass
class TcState:
    """What a TC String says."""

    created: int = 17_000_000_000  # 2023-11-14
    policy: int = 4
    service_specific: bool = True
    features: set[int] = field(default_factory=set)
    purpose_consents: set[int] = field(default_factory=lambda: {1, 2, 3, 4, 7})
    purpose_interests: set[int] = field(default_factory=set)
    vendor_consents: set[int] = field(default_factory=set)
    vendor_interests: set[int] = field(default_factory=set)
    restrictions: list[tuple[int, int, set[int]]] = field(default_factory=list)
    """(purpose, type, vendors)"""
    disclosed: set[int] | None = None
    publisher: tuple[set[int], set[int]] | None = None
    as_ranges: bool = False

    def text(self) -> str:
        core = "".join(
            (
                *(number(2, 6), number(self.created, 36), number(self.created, 36), number(31, 12), number(7, 12)),
                *(number(1, 6), number(4, 6), number(13, 6), number(63, 12), number(self.policy, 6)),
                *("1" if self.service_specific else "0", "0", flags(self.features, 12)),
                *(flags(self.purpose_consents, 24), flags(self.purpose_interests, 24), "0", number(3, 6), number(4, 6)),
                *(vendors(self.vendor_consents, self.as_ranges), vendors(self.vendor_interests, self.as_ranges)),
                number(len(self.restrictions), 12),
                *(number(p, 6) + number(kind, 2) + ranges(who) for p, kind, who in self.restrictions),
            )
        )
        parts = [text_of(core)]
        if self.disclosed is not None:
            parts.append(text_of("001" + vendors(self.disclosed, self.as_ranges)))
        if self.publisher is not None:
            parts.append(text_of("011" + flags(self.publisher[0], 24) + flags(self.publisher[1], 24) + number(0, 6)))
        return ".".join(parts)


def fibonacci(value: int) -> str:
    """Zeckendorf's sum of Fibonacci numbers, smallest first, and a 1 that ends it."""
    numbers = [1, 2]
    while numbers[-1] <= value:
        numbers.append(numbers[-1] + numbers[-2])
    digits = ""
    for n in reversed(numbers):
        digits += "1" if n <= value else "0"
        value -= n if n <= value else 0
    return digits.lstrip("0")[::-1] + "1"


def gpp(sections: dict[int, str]) -> str:
    """A GPP string of these sections, ids ascending."""
    ids = sorted(sections)
    entries: list[list[int]] = []
    for n in ids:
        if entries and entries[-1][1] == n - 1:
            entries[-1][1] = n
        else:
            entries.append([n, n])
    header, last = number(3, 6) + number(1, 6) + number(len(entries), 12), 0
    for a, b in entries:
        header += ("0" if a == b else "1") + fibonacci(a - last) + (fibonacci(b - a) if b > a else "")
        last = b
    return "~".join([text_of(header), *(sections[n] for n in ids)])


def us_core(fields: list[int], version: int = 1) -> str:
    """A US section's core: its version and fields of two bits."""
    return text_of(number(version, 6) + "".join(number(value, 2) for value in fields))


def gpc(value: bool) -> str:
    return text_of("01" + ("1" if value else "0"))
