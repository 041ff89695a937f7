"""A credit model in service."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Why a score is not higher."""

    code: str
    """The characteristic's name."""
    points: float
    """That it costs against the best an applicant can have there."""
    text: str


class Assessed(NamedTuple):
    """What the model says of one applicant."""

    score: int
    """300 to 900, higher is better."""
    pd: float
    """Probability of default, calibrated."""
    p_approved: float
    reasons: tuple[Reason, ...]
