"""Settings of offer matching: section ``[offers]``, or ``OUTBID_OFFERS_<FIELD>`` in the environment."""

from pathlib import Path

from msgspec import Struct

from credit.policy import Exploration, Policy
from domain.settings import load


class OfferSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator can set."""

    products: str = ""
    """File of lenders and products; empty: ``<data_dir>/credit/products.yaml``."""
    explore: Exploration = "thompson"
    """How offers are chosen: ``thompson``, each as often as it is likely to be the best; ``greedy``, the best expected
    value."""
    even_share: float = 0.02
    """The share of offers that goes to all products that an applicant may have alike."""
    fit_s: float = 600.0
    """Between two fits of the model of approvals."""
    durable: bool = True
    """Whether a match is answered only when its record is on disk."""
    keep_matches_days: int = 1830
    """How long matches are kept: five years."""

    def __post_init__(self) -> None:
        if not 0 <= self.even_share <= 1 or self.fit_s < 1 or self.keep_matches_days < 1:
            raise ValueError("even_share is from 0 to 1, and fit_s and keep_matches_days are at least 1")

    @property
    def policy(self) -> Policy:
        return Policy(self.explore, self.even_share)

    def file(self, root: Path) -> Path:
        """Of a data directory of the credit service."""
        return Path(self.products).resolve() if self.products else root / "products.yaml"


def offer_settings() -> OfferSettings:
    return load("offers", OfferSettings)
