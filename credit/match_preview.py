"""What would be offered: the matcher as the service has it, from its files, without taking or recording anything."""

import sqlite3
from pathlib import Path

from credit.learning import Lessons, model_of
from credit.match_config import OfferSettings
from credit.match_features import NAMES
from credit.matching import Matcher, priors_of
from credit.offer_rates_file import load
from credit.products import Catalogue
from credit.quota_store import used_in
from credit.quotas import Quotas
from domain.clock import from_env
from domain.errors import Problem, Refused

MODEL, QUOTAS = "approvals.msgpack", "quotas.sqlite"
"""Names of the model of approvals and of the quotas in the credit service's directory."""


def preview(root: Path, settings: OfferSettings, catalogue: Catalogue) -> Matcher:
    """``root``: ``<data_dir>/credit``. Without the service's files: what is believed before any answer, all quotas
    unused. Raises Refused for files that are none of the service's."""
    clock = from_env()
    model = load(root / MODEL, NAMES)
    if model is None:
        model = model_of(*Lessons().answers(), catalogue, clock.now_ns())
    quotas = Quotas(catalogue, None, clock.now_ns)
    try:
        quotas.look(used_in(root / QUOTAS))
    except sqlite3.Error as error:
        allowed = "it must be the quotas of the credit service"
        raise Refused([Problem(str(root / QUOTAS), str(error), allowed)]) from None
    return Matcher(catalogue, model.rates(priors_of(catalogue.products)), quotas, settings.policy)
