"""What the columns of a CSV file of one's own mean: a mapping in YAML or JSON, or options of the command line."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import yaml

from domain.errors import Problem, Refused
from prediction.feature_set import Feature, FeatureSet

TIME_FORMATS = ("iso", "unix", "unix_ms")


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CSV file's columns. The request's features stand before the candidate's; columns not named are not read."""

    label: str
    """The column that tells the outcome."""
    features: tuple[Feature, ...]
    """Each has the name of its column."""
    crosses: tuple[tuple[str, str], ...] = ()
    positive: tuple[str, ...] = ("1", "true", "True", "1.0")
    negative: tuple[str, ...] = ("0", "false", "False", "0.0")
    time: str | None = None
    """The column of the time; without one, rows are split by hash and not by time."""
    time_format: str = "iso"
    """``iso``, ``unix`` (seconds), ``unix_ms``, or a pattern of strptime; UTC where no zone is told."""
    weight: str | None = None
    """The column that tells how many rows this one stands for."""
    segments: dict[str, str] = {}
    """Name of a segment (advertiser, exchange …) -> its column."""
    missing: tuple[str, ...] = ("",)
    """What stands where a value is missing."""
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a header."""
    name: str = "csv"
    version: int = 1

    def __post_init__(self) -> None:
        self.feature_set()
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ValueError(f"delimiter {self.delimiter!r} is not allowed; one character is, no quote or line end")
        if self.time_format not in TIME_FORMATS and "%" not in self.time_format:
            raise ValueError(
                f"time_format {self.time_format!r} is not allowed; {', '.join(TIME_FORMATS)} or a pattern such as "
                "%Y-%m-%d %H:%M:%S is"
            )
        if both := sorted(set(self.positive) & set(self.negative)):
            raise ValueError(f"label {both[0]!r} is told to be positive and negative")
        if self.label in {feature.name for feature in self.features}:
            raise ValueError(f"label {self.label!r} is a feature too")
        for name in self.needed() if self.columns else ():
            if name not in self.columns:
                raise ValueError(f"columns does not have {name!r}")

    def feature_set(self) -> FeatureSet:
        """Raises ValueError for features that make none."""
        return FeatureSet(self.name, self.version, self.features, self.crosses)

    def needed(self) -> tuple[str, ...]:
        """Columns that the file must have."""
        others = [name for name in (self.time, self.weight, *self.segments.values()) if name]
        return (self.label, *others, *(feature.name for feature in self.features))


def read(path: Path) -> Mapping:
    """A mapping from its file. `Refused` names the field."""
    try:
        told = yaml.safe_load(path.read_text())  # JSON is YAML
    except (OSError, UnicodeDecodeError) as error:
        raise Refused([Problem("mapping", str(path), f"it must be a text file that can be read ({error})")]) from None
    except yaml.YAMLError as error:
        raise Refused([Problem("mapping", str(path), f"it must be YAML or JSON ({error})")]) from None
    try:
        return msgspec.convert(told, Mapping)
    except msgspec.ValidationError as error:
        raise Refused([Problem("mapping", str(path), str(error))]) from None


def from_options(
    label: str,
    numbers: Sequence[str],
    categories: Sequence[str],
    time: str | None = None,
    time_format: str | None = None,
    delimiter: str | None = None,
) -> Mapping:
    """A mapping of options; all features are the request's. `Refused` names what is wrong."""
    features = tuple(Feature(name, "number", "request") for name in numbers)
    features += tuple(Feature(name, "category", "request") for name in categories)
    try:
        return Mapping(label, features, time=time, time_format=time_format or "iso", delimiter=delimiter or ",")
    except ValueError as error:
        raise Refused([Problem("--numbers and --categories", [*numbers, *categories], str(error))]) from None
