"""Settings of the credit service: section ``[credit]``. Offers have their own, ``[offers]``."""

from pathlib import Path

from msgspec import Struct

from domain.settings import load, places


class CreditSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The service; its port is ``[outbid] credit_port``, and ``[outbid] services`` says whether `outbid up` has it."""

    model: str = ""
    """Directory of the model in service; empty: ``<data_dir>/credit/model``, where `outbid credit use` puts it."""
    people: str = ""
    """Table of scored people; empty: ``<data_dir>/credit/people.table``."""
    durable: bool = True
    """Whether a score with a reference is answered only when its record is on disk. Outcomes always are."""
    keep_applications_days: int = 1830
    """How long recorded applicants are kept for retraining: five years."""

    def __post_init__(self) -> None:
        if self.keep_applications_days < 1:
            raise ValueError(f"keep_applications_days is {self.keep_applications_days}; it must be at least 1")

    def model_path(self, root: Path) -> Path:
        return Path(self.model).absolute() if self.model else root / "model"

    def people_path(self, root: Path) -> Path:
        return Path(self.people).absolute() if self.people else root / "people.table"


def credit_settings() -> CreditSettings:
    return load("credit", CreditSettings)


def directory() -> Path:
    """Where the service keeps its data: model, people, applications, outcomes, offers."""
    return places().data / "credit"
