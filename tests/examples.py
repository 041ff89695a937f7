"""How many examples a property test draws."""

import os


def examples(number: int) -> int:
    """``number``, or a fifth for kernels with checks: there accesses out of bounds are looked for, not results."""
    return -(-number // 5) if os.environ.get("CHECKED_KERNELS") else number
