"""What exchanges do to their notices in real life: lose them, repeat them, hold them back; and what forgers do."""

import random
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simulator.config import Trouble

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Treatment:
    """What happens to one notice beside being sent until it is acknowledged."""

    lost: bool
    repeats: int
    """Sent so many times more, after it was acknowledged."""
    held_s: float
    forged: bool


class Mischief:
    def __init__(self, trouble: Trouble, rng: random.Random) -> None:
        self.trouble, self.rng = trouble, rng

    def audits(self) -> bool:
        return self.rng.random() < self.trouble.audit

    def treat(self) -> Treatment:
        trouble, rng = self.trouble, self.rng
        return Treatment(
            lost=rng.random() < trouble.lost,
            repeats=rng.choice((1, 1, 2)) if rng.random() < trouble.repeated else 0,
            held_s=rng.uniform(*trouble.late_s) if rng.random() < trouble.late else 0.0,
            forged=rng.random() < trouble.forged,
        )

    def forge(self, url: str, others: list[str]) -> str:
        """An altered copy of a tracker URL that no tracker may accept.

        Either one character of the token is another, or the token is that of another notice of the same bid (a win's
        presented as a billing), or a parameter that holds an address leads elsewhere.
        """
        parts = urlsplit(url)
        token = longest_segment(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        ways = ["altered"]
        if any(longest_segment(other) != token for other in others):
            ways.append("swapped")
        if any(value.startswith(("http://", "https://")) for _, value in query):
            ways.append("bent")
        match self.rng.choice(ways):
            case "altered":
                place = self.rng.randrange(len(token))
                letter = self.rng.choice(ALPHABET.replace(token[place], ""))
                path = parts.path.replace(token, token[:place] + letter + token[place + 1 :])
                return urlunsplit(parts._replace(path=path))
            case "swapped":
                other = self.rng.choice([other for other in map(longest_segment, others) if other != token])
                return urlunsplit(parts._replace(path=parts.path.replace(token, other)))
            case _:
                bent = [
                    (name, "https://phishing.example/" if value.startswith(("http://", "https://")) else value)
                    for name, value in query
                ]
                return urlunsplit(parts._replace(query=urlencode(bent)))


def longest_segment(url: str) -> str:
    """The part of a tracker URL's path that looks most like a token."""
    return max(urlsplit(url).path.split("/"), key=len)
