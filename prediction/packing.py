"""How a model of each type is taken apart into parameters and arrays, and put together again.

A type is a module with two functions: ``pack(model) -> Packed``, and ``unpack(packed) -> model``, which checks all that
it is given and raises ValueError with a text that begins with the parameter's or the array's name. A model's class says
its type as ``TYPE``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODULES: dict[str, str] = {
    "blend": "prediction.forms.blend",
    "calibrated": "prediction.forms.calibrated",
    "ffm": "prediction.forms.factorization",
    "linear": "prediction.forms.linear",
    "price_landscape": "prediction.landscape",
    "trees": "prediction.forms.trees",
}
"""Where each type's functions are."""


@dataclass(frozen=True)
class Packed:
    """A model taken apart. ``parameters`` can be written as JSON; ``members`` are the models that it is made of."""

    model_type: str
    parameters: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    members: tuple["Packed", ...] = ()

    def parameter(self, name: str, *kinds: type) -> Any:
        """The parameter, of one of the kinds. Raises ValueError."""
        if name not in self.parameters:
            raise ValueError(f"{name}: is missing")
        value = self.parameters[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{name}: {value!r} is not allowed; {' or '.join(k.__name__ for k in kinds)} is")
        return value

    def array(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """The array, of that type and shape (None: any length). Raises ValueError."""
        if name not in self.arrays:
            raise ValueError(f"{name}: is missing")
        array = self.arrays[name]
        if array.dtype != np.dtype(dtype):
            raise ValueError(f"{name}: is of type {array.dtype}, not {np.dtype(dtype)}")
        if len(array.shape) != len(shape) or any(
            want is not None and want != have for want, have in zip(shape, array.shape, strict=True)
        ):
            wanted = " x ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{name}: is {' x '.join(map(str, array.shape))} in size, not {wanted}")
        return array

    def count(self, members: int) -> None:
        """Raises ValueError unless there are so many members."""
        if len(self.members) != members:
            raise ValueError(f"members: there are {len(self.members)}, not {members}")


def pack(model: Any) -> Packed:
    """Raises TypeError for what is no model."""
    name = getattr(model, "TYPE", None)
    if name not in MODULES:
        raise TypeError(f"{type(model).__name__} is no model that can be saved")
    packed = import_module(MODULES[name]).pack(model)
    assert isinstance(packed, Packed)
    return packed


def unpack(packed: Packed) -> Any:
    """Raises ValueError that names what is wrong."""
    if packed.model_type not in MODULES:
        raise ValueError(f"type: {packed.model_type!r} is not allowed; {', '.join(sorted(MODULES))} are")
    return import_module(MODULES[packed.model_type]).unpack(packed)
