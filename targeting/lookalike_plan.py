"""What lookalikes may be recognised by, in words: of one advertiser, and nothing that the seed is defined by."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from domain.person import SCORES, Stage, conversion_kind, score_id
from targeting.lookalike_features import AGES, COUNTS, SCORE_RANGES, STAGES_KNOWN, Features

RANGES_OF_AGE = (
    "never",
    "today",
    *(f"{2**n} to {2 ** (n + 1) - 1} days ago" for n in range(9)),
    "512 days ago or more",
)
RANGES_OF_COUNT = ("none", "1", "2", *(f"{2**n + 1} to {2 ** (n + 1)}" for n in range(1, 7)), "129 or more")


@dataclass(frozen=True)
class Plan:
    """``audiences``: keys by id, of the advertiser's own. ``scores``: of `domain.person.SCORES`. ``conversions``: the
    advertiser's own words. ``dealings``: stage, visits, impressions and clicks.
    """

    advertiser: int
    audiences: Mapping[int, str]
    scores: tuple[str, ...] = tuple(SCORES)
    conversions: tuple[str, ...] = ()
    dealings: bool = True

    def features(self) -> Features:
        return Features(
            self.advertiser,
            self.audiences,
            [(score_id(name), *SCORES[name]) for name in self.scores],
            [conversion_kind(self.advertiser, event) for event in self.conversions],
            self.dealings,
        )

    def names(self) -> list[str]:
        """Of the features, in their order."""
        found = [f"audience {self.audiences[id_]}" for id_ in sorted(self.audiences)]
        if self.dealings:
            found += ["no stage", *(f"stage {stage.word}" for stage in Stage)]
            found += [f"{what} {age}" for what in ("visited", "shown an ad", "clicked") for age in RANGES_OF_AGE]
            found += [f"impressions in 30 days: {count}" for count in RANGES_OF_COUNT]
        found += chain.from_iterable(_ranges(name) for name in self.scores)
        found += [f"conversions {event}: {count}" for event in self.conversions for count in RANGES_OF_COUNT]
        return found


def _ranges(score: str) -> list[str]:
    least, most = SCORES[score]
    width, parts = most - least + 1, SCORE_RANGES - 1
    edges = [least + -(-width * n // parts) for n in range(parts + 1)]
    return [f"no {score} score", *(f"{score} score {edges[n]} to {edges[n + 1] - 1}" for n in range(parts))]


assert len(RANGES_OF_AGE) == AGES
assert len(RANGES_OF_COUNT) == COUNTS
assert len(Stage) + 1 == STAGES_KNOWN
