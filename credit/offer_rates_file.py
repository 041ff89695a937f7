"""The model of approvals as a file, and as the beliefs of a catalogue that may have changed since it was fitted."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from credit.offer_rates import Approvals, Floats, Level, Rates
from domain.errors import Problem, Refused
from domain.whole_file import write_whole


class Kept(Struct, frozen=True):
    """A model as its file has it."""

    features: tuple[str, ...]
    made_ns: int
    answers: int
    lenders: tuple[str, ...]
    products: tuple[str, ...]
    """Paths ``lender/product``."""
    arrays: dict[str, tuple[tuple[int, ...], bytes]]
    """Shape, and float64 in little endian, row by row."""


class Model:
    """A fitted model by the names of its lenders and products (paths ``lender/product``)."""

    def __init__(
        self, approvals: Approvals, lenders: Sequence[str], products: Sequence[str], answers: int, made_ns: int
    ) -> None:
        self.approvals, self.answers, self.made_ns = approvals, answers, made_ns
        self._lenders = {key: place for place, key in enumerate(lenders)}
        self._products = {path: place for place, path in enumerate(products)}

    def rates(self, products: Mapping[str, tuple[float, float]]) -> Rates:
        """Of products by their paths, with what their lenders state: the share of approvals (0: nothing is stated) and
        how many answers that is worth. A product that the model has not seen is believed to be like its lender's
        others, or like all.
        """
        found = self.approvals
        width = found.everything.mean.shape[1]
        mean, covariance = np.empty((len(products), width)), np.empty((len(products), width, width))
        usual = np.eye(1, width)[0]
        stated: dict[int, tuple[float, float]] = {}
        for place, (path, prior) in enumerate(products.items()):
            known, lender = self._products.get(path), self._lenders.get(path.partition("/")[0])
            if known is not None:
                mean[place], covariance[place] = found.products.mean[known], found.products.covariance[known]
                continue
            scatter: Floats = found.scatter_of_products
            level, part = (found.everything, 0) if lender is None else (found.lenders, lender)
            if lender is None:
                scatter = scatter + found.scatter_of_lenders
            mean[place], covariance[place] = level.mean[part], level.covariance[part] + np.diag(scatter)
            if prior[0]:
                stated[place] = prior
        rates = Rates(mean, covariance)
        for place, (approval, worth) in stated.items():
            rates.answer(place, usual, approval, worth)
        return rates

    def save(self, path: Path, features: Sequence[str]) -> None:
        """Writes it whole, or not at all."""
        found = self.approvals
        levels = {"product": found.products, "lender": found.lenders, "everything": found.everything}
        arrays = {"of_lenders": found.scatter_of_lenders, "of_products": found.scatter_of_products}
        for name, level in levels.items():
            arrays |= {f"{name}_mean": level.mean, f"{name}_covariance": level.covariance}
        kept = Kept(
            tuple(features),
            self.made_ns,
            self.answers,
            tuple(self._lenders),
            tuple(self._products),
            {name: (array.shape, np.ascontiguousarray(array, dtype="<f8").tobytes()) for name, array in arrays.items()},
        )
        write_whole(path, msgspec.msgpack.encode(kept))


def load(path: Path, features: Sequence[str]) -> Model | None:
    """The model of a file; None if there is none yet, or it is of other features. Raises Refused for another file."""
    try:
        kept = msgspec.msgpack.decode(path.read_bytes(), type=Kept)
        if kept.features != tuple(features):
            return None
        arrays = {
            name: np.frombuffer(data, dtype="<f8").astype(np.float64).reshape(shape)
            for name, (shape, data) in kept.arrays.items()
        }
        products, lenders, everything = (
            Level(arrays[f"{name}_mean"], arrays[f"{name}_covariance"]) for name in ("product", "lender", "everything")
        )
        approvals = Approvals(products, lenders, everything, arrays["of_lenders"], arrays["of_products"], 0)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, ValueError, KeyError) as error:
        allowed = "it must be a model of approvals that this program wrote; without the file one is fitted anew"
        raise Refused([Problem(str(path), str(error), allowed)]) from None
    return Model(approvals, kept.lenders, kept.products, kept.answers, kept.made_ns)
