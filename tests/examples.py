"""How many examples a property test draws."""

import os


def examples(number: int) -> int:
    """``number``, or a third for kernels with checks: there accesses out of bounds are looked for, not results."""
    return -(-number // 3) if os.environ.get("CHECKED_KERNELS") else number
