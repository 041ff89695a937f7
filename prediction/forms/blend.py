"""A blend: its members, and how much of each."""

from prediction import packing
from prediction.blend import Blend
from prediction.packing import Packed


def pack(model: Blend) -> Packed:
    """Taken apart, members too."""
    members = tuple(packing.pack(member) for member in model.members)
    return Packed(Blend.TYPE, {"bias": model.bias}, {"weights": model.weights}, members)


def unpack(packed: Packed) -> Blend:
    """Raises ValueError."""
    members = []
    for place, member in enumerate(packed.members):
        try:
            members.append(packing.unpack(member))
        except ValueError as error:
            raise ValueError(f"members[{place}].{error}") from None
    weights = packed.array("weights", "f8", (len(members),))
    return Blend(members, weights, float(packed.parameter("bias", float, int)))
