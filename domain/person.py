"""What is known of one individual, in words: where they stand with an advertiser, and the scores they can have."""

from enum import IntEnum

from domain.naming import name_id


class Stage(IntEnum):
    """Where a person stands with an advertiser. Files write the names in lower case, with hyphens (``in-arrears``)."""

    PROSPECT = 1
    APPLIED = 2
    APPROVED = 3
    DECLINED = 4
    ACTIVE = 5
    DORMANT = 6
    IN_ARREARS = 7
    DEFAULTED = 8
    CLOSED = 9

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


STAGES = {stage.word: stage for stage in Stage}
"""By the words that files use."""

SCORES = {"fraud": (0, 1000), "credit": (300, 900), "intent": (0, 1000)}
"""Scores that Outbid itself knows, with their least and greatest value. Advertisers may have others, any integers."""


def score_id(name: str) -> int:
    """32-bit id that a score is stored under: ``credit``, or an advertiser's own name for one."""
    return name_id(f"score:{name}") & 0xFFFF_FFFF


def conversion_kind(advertiser: int, event: str) -> int:
    """32-bit id that conversions are stored under: an advertiser's id and its own word for what happened."""
    return name_id(f"conversion:{advertiser}:{event}") & 0xFFFF_FFFF
