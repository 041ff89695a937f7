"""Which formats of files there are, by name."""

from pathlib import Path

from domain.errors import Problem, Refused
from prediction.datasets.dataset import Dataset
from prediction.datasets.mapping import Mapping

FORMATS = ("criteo", "avazu", "ipinyou", "talkingdata", "csv")


def dataset(name: str, path: Path, mapping: Mapping | None = None) -> Dataset:
    """A reading of the file; ``csv`` needs a mapping. `Refused` for an unknown name, or a file that cannot be read."""
    if name == "criteo":
        from prediction.datasets.criteo import Criteo

        return Criteo(path)
    if name == "avazu":
        from prediction.datasets.avazu import Avazu

        return Avazu(path)
    if name == "ipinyou":
        from prediction.datasets.ipinyou import Ipinyou

        return Ipinyou(path)
    if name == "talkingdata":
        from prediction.datasets.talkingdata import Talkingdata

        return Talkingdata(path)
    if name == "csv":
        from prediction.datasets.mapped import Mapped

        if mapping is None:
            raise Refused(
                [Problem("mapping", None, "csv needs one: --mapping FILE, or --label with --categories and --numbers")]
            )
        return Mapped(path, mapping)
    raise Refused([Problem("format", name, f"it must be one of {', '.join(FORMATS)}")])
