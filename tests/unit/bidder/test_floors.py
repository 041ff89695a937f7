"""Floors by the length of the ad, against the same in plain Python."""

from hypothesis import given
from hypothesis import strategies as st

from bidder.floors import length_floor

ENDLESS = 0x7FFFFFFF


def plain(length_ms: int, per_second: int, ranges: list[tuple[int, int, int]]) -> int:
    if length_ms <= 0:
        return -1
    seconds = -(-length_ms // 1000)
    said = [floor for least, most, floor in ranges if least <= seconds <= most]
    if per_second:
        said.append(per_second * seconds)
    return max(said, default=-1)


spans = st.tuples(
    st.integers(0, 40), st.integers(0, 40) | st.just(ENDLESS), st.integers(0, 50_000_000)
)  # fmt: skip


@given(st.integers(0, 45_000), st.integers(0, 1_000_000), st.lists(spans, max_size=4))
def test_the_kernel_agrees(length_ms: int, per_second: int, ranges: list[tuple[int, int, int]]) -> None:
    assert length_floor(length_ms, per_second, ranges) == plain(length_ms, per_second, ranges)


def test_the_specifications_example() -> None:
    """3.2.35: 1 to 15 seconds at 5 USD, 16 to 30 at 10, more than 31 at 20."""
    ranges = [(1, 15, 5_000_000), (16, 30, 10_000_000), (31, ENDLESS, 20_000_000)]
    found = [length_floor(ms, 0, ranges) for ms in (1, 15_000, 15_001, 30_000, 31_000, 600_000)]
    assert found == [5_000_000, 5_000_000, 10_000_000, 10_000_000, 20_000_000, 20_000_000]
