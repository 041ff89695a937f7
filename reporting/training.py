"""What models learn from: bids with the feature values that were scored, beside what became of them.

A stretch of time is asked for (`plan` cuts it), one query joins its bids with impressions, clicks and credited
conversions by the bid's id, and the rows go out as an Arrow stream. What is held in memory is the outcomes of one
stretch, without features. Tests, audits and duplicates are left out; nobody's person is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, get_args

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.clock import SECOND
from domain.errors import Problem, Refused
from domain.events import NOT_COUNTED, Mark
from reporting.quality_checks import day
from reporting.store import Row, Store

Target = Literal["ctr", "cvr", "view_cvr", "price"]
"""Impressions that were clicked; clicks, and impressions, that led to a conversion; bids and what they sold for."""
TARGETS: tuple[str, ...] = get_args(Target)

HOUR_NS = 3_600 * SECOND
SLICE_BIDS = 500_000
"""Bids of a stretch that `plan` cuts, about."""
LONGEST_DAYS = 400
MOST_FEATURES = 256
_PIECE_ROWS = 20_000
_SHARES = 1 << 16
"""Negative rows are taken by 16 bits of a hash of the bid's id: the same ones whenever they are asked for."""
_LATEST_CLICK_NS = 30 * 24 * HOUR_NS
"""After the bid; what comes later is not looked for."""
_COUNTED = f"bitAnd(marks, {int(NOT_COUNTED)}) = 0"
_VOID = f"bitAnd(marks, {int(Mark.AUDIT | Mark.TEST)}) != 0"
_FIRST = f"bitAnd(marks, {int(Mark.FIRST)}) != 0"

_BID: dict[str, Any] = {
    "time_ns": np.int64,
    "bid": np.uint64,
    "exchange": np.uint32,
    "advertiser": np.uint32,
    "campaign": np.uint32,
    "line_item": np.uint32,
    "creative": np.uint32,
    "deal": np.uint32,
    "site": np.uint64,
    "context": np.uint32,
    "model": np.uint32,
    "ctr": np.float64,
    "cvr": np.float64,
    "shadow_model": np.uint32,
    "shadow_ctr": np.float64,
    "explored": np.uint8,
    "price": np.int64,
    "full_price": np.int64,
    "value": np.int64,
    "floor": np.int64,
}
_OUTCOME: dict[str, Any] = {
    "shown_ns": np.int64,
    "clicked_ns": np.int64,
    "converted_ns": np.int64,
    "conversion_value": np.int64,
    "viewed_ns": np.int64,
    "view_value": np.int64,
    "won": np.uint8,
    "paid": np.int64,
    "lost": np.uint8,
    "min_to_win": np.int64,
}
COLUMNS: dict[str, Any] = {**_BID, **_OUTCOME, "weight": np.float64}
"""Of the stream, beside ``features`` (each row's bytes: uint32, little-endian). ``converted_ns``, ``viewed_ns``: when
the first conversion came that is credited to the click, to the view; 0: none did. ``lost``: an exchange said so.
``paid`` and ``min_to_win`` are 0 where nobody told; money is nanos of the exchange's currency. ``weight``: how many
rows it stands for.
"""

_POSITIVE: dict[str, str] = {
    "ctr": "clicked_ns > 0",
    "cvr": "converted_ns > 0",
    "view_cvr": "viewed_ns > 0",
    "price": "0",
}
_OF: dict[str, str] = {
    "ctr": "(shown_ns > 0 OR clicked_ns > 0)",
    "cvr": "clicked_ns > 0",
    "view_cvr": "(shown_ns > 0 OR clicked_ns > 0)",
    "price": "1",
}
"""Which bids are rows. Who clicked has seen it, though the notice of the impression was lost."""


class Wanted(msgspec.Struct, frozen=True):
    """Bids made from ``from_ns`` to before ``to_ns`` (UTC)."""

    target: str
    from_ns: int
    to_ns: int
    features: int
    """How many feature values a row must have; 0: any row, and no values are told."""
    share: float
    """Of the rows whose answer is no, so many are taken, and weigh the more."""
    event: str
    """Conversions of this event only; empty: of any."""

    @property
    def shares(self) -> int:
        return max(1, round(self.share * _SHARES))


class Stretch(msgspec.Struct, frozen=True):
    """A piece of the plan."""

    from_ns: int
    to_ns: int
    bids: int
    rows: int
    """How many of them are likely to be rows …"""
    positives: int
    """… and of these, to have the outcome."""


PARAMETERS = ("target", "from_ns", "to_ns", "features", "share", "event")


def read(values: Mapping[str, str]) -> Wanted:
    """The parameters of a request. Raises Refused with all that is wrong."""
    problems = [
        Problem(name, values[name], f"the parameters are {', '.join(PARAMETERS)}")
        for name in values
        if name not in PARAMETERS
    ]
    target = values.get("target", "")
    if target not in TARGETS:
        problems.append(Problem("target", target or None, f"it must be one of {', '.join(TARGETS)}"))
    low, high = (_integer(values, name, problems, 1, 2**63 - 1) for name in ("from_ns", "to_ns"))
    if not problems and not low < high <= low + LONGEST_DAYS * 24 * HOUR_NS:
        problems.append(Problem("to_ns", high, f"it must be after from_ns, by {LONGEST_DAYS} days at most"))
    features = _integer(values, "features", problems, 0, MOST_FEATURES, "0")
    text = values.get("share", "1")
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        problems.append(Problem("share", text, "it must be above 0, up to 1"))
    if problems:
        raise Refused(problems)
    return Wanted(target, low, high, features, share, values.get("event", ""))


def _integer(
    values: Mapping[str, str], name: str, problems: list[Problem], least: int, most: int, default: str = ""
) -> int:
    text = values.get(name, default)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        problems.append(Problem(name, text or None, f"it must be a whole number from {least} to {most}"))
        return least
    return int(text)


def plan(store: Store, wanted: Wanted, mark: str = "") -> list[Stretch]:
    """Stretches that together are what is wanted, of about `SLICE_BIDS` bids each: hours, or parts of one."""
    bids = _by_hour(store, mark, "bids", "time_ns", _stretch(wanted))
    rows, positives = dict(bids), dict[int, int]()
    if wanted.target != "price":
        shown, clicks = (_by_hour(store, mark, fact, "bid_ns", _noticed(wanted)) for fact in ("impressions", "clicks"))
        rows, positives = (clicks, {}) if wanted.target == "cvr" else (shown, clicks)
    found: list[Stretch] = []
    for hour in sorted(bids):
        count, told, yes = bids[hour], rows.get(hour, 0), positives.get(hour, 0)
        low, high = max(hour * HOUR_NS, wanted.from_ns), min((hour + 1) * HOUR_NS, wanted.to_ns)
        if found and found[-1].bids + count <= SLICE_BIDS:
            last = found[-1]
            found[-1] = Stretch(last.from_ns, high, last.bids + count, last.rows + told, last.positives + yes)
            continue
        parts = -(-count // SLICE_BIDS)
        edges = [low + (high - low) * part // parts for part in range(parts + 1)]
        found += [Stretch(*edge, count // parts, told // parts, yes // parts) for edge in pairwise(edges)]
    return found


def _by_hour(store: Store, mark: str, fact: str, clock: str, where: str) -> dict[int, int]:
    query = f"/* {mark} */ SELECT intDiv({clock}, {HOUR_NS}) AS hour, count() FROM {fact} WHERE {where} GROUP BY hour"
    return {int(hour): int(count) for hour, count in store.query(query)}


def _noticed(wanted: Wanted) -> str:
    since, until = day(wanted.from_ns // HOUR_NS), day((wanted.to_ns + _LATEST_CLICK_NS) // HOUR_NS)
    days = f"day >= {since} AND day <= {until} AND bid_ns >= {wanted.from_ns} AND bid_ns < {wanted.to_ns}"
    return f"{days} AND {_COUNTED}"


def pieces(store: Store, wanted: Wanted, mark: str = "") -> Iterator[bytes]:
    """An Arrow stream of the rows, piece by piece; in no order."""
    schema = pa.schema([(name, pa.from_numpy_dtype(kind)) for name, kind in COLUMNS.items()])
    if wanted.features:
        schema = schema.append(pa.field("features", pa.binary(4 * wanted.features)))
    sink = _Sink()
    with pa.ipc.new_stream(sink, schema) as stream:
        held: list[Row] = []
        answer = store.stream(query(wanted, mark), {"event": wanted.event})
        try:
            for rows in answer:
                held += rows
                if len(held) >= _PIECE_ROWS:
                    stream.write_batch(_batch(schema, wanted.features, held))
                    held = []
                    yield sink.taken()
        finally:
            answer.close()  # type: ignore[attr-defined]
        if held:
            stream.write_batch(_batch(schema, wanted.features, held))
    yield sink.taken()


def query(wanted: Wanted, mark: str = "") -> str:
    """One row a bid: its own columns, its outcome, and the hexadecimal text of its features."""
    columns = [f"toFloat64({name}) AS {name}" if kind is np.float64 else name for name, kind in _BID.items()]
    features = ["hex(features) AS values"] if wanted.features else []
    bids = f"SELECT {', '.join((*columns, *features))} FROM bids WHERE {_stretch(wanted)}"
    outcomes = (
        "SELECT bid, max(shown) AS shown_ns, max(clicked) AS clicked_ns,"
        " toUInt64(if(sum(conversions) > 0, minIf(converted, conversions > 0), 0)) AS converted_ns,"
        " toUInt64(if(sum(view_conversions) > 0, minIf(viewed, view_conversions > 0), 0)) AS viewed_ns,"
        " sum(worth) AS conversion_value, sum(view_worth) AS view_value,"
        " max(first) AS won, max(cost) AS paid, max(failed) AS lost, max(needed) AS min_to_win, max(uncounted) AS void"
        f" FROM ({' UNION ALL '.join(_told(wanted))}) GROUP BY bid"
    )
    kept = f"modulo(intHash64(bid), {_SHARES}) < {wanted.shares}"
    weight = f"if({_POSITIVE[wanted.target]}, 1.0, {_SHARES / wanted.shares!r}) AS weight"
    told = [*(name for name in _BID), *_OUTCOME, weight, *(["values"] if wanted.features else [])]
    join = "ANY LEFT" if wanted.target == "price" else "ANY INNER"
    return (
        f"/* {mark} */ SELECT {', '.join(told)} FROM ({bids}) AS made GLOBAL {join} JOIN ({outcomes}) AS became"
        f" USING (bid) WHERE void = 0 AND {_OF[wanted.target]} AND ({_POSITIVE[wanted.target]} OR {kept})"
    )


def _stretch(wanted: Wanted) -> str:
    """Which bids it is about."""
    first, last = wanted.from_ns // HOUR_NS, (wanted.to_ns - 1) // HOUR_NS
    of = f"day >= {day(first)} AND day <= {day(last)} AND time_ns >= {wanted.from_ns} AND time_ns < {wanted.to_ns}"
    having = f" AND length(features) = {4 * wanted.features}" if wanted.features else ""
    return f"{of} AND test = 0{having}"


_TOLD = {
    "shown": "toUInt64(0)",
    "clicked": "toUInt64(0)",
    "converted": "toUInt64(0)",
    "conversions": "toInt64(0)",
    "worth": "toInt64(0)",
    "viewed": "toUInt64(0)",
    "view_conversions": "toInt64(0)",
    "view_worth": "toInt64(0)",
    "first": "toUInt8(0)",
    "cost": "toInt64(0)",
    "failed": "toUInt8(0)",
    "needed": "toInt64(0)",
    "uncounted": "toUInt8(0)",
}
"""Columns of what is told of bids, and what stands in them where a fact tells nothing of the kind."""


def _told(wanted: Wanted) -> Iterator[str]:
    """What notices and credits say of the bids, a select each, with the same columns."""
    since, until = day(wanted.from_ns // HOUR_NS), day((wanted.to_ns + _LATEST_CLICK_NS) // HOUR_NS)
    days = f"day >= {since} AND day <= {until} AND bid_ns >= {wanted.from_ns} AND bid_ns < {wanted.to_ns}"
    counts = f"if({_COUNTED}, received_ns, toUInt64(0))"
    void = f"toUInt8({_VOID})"
    proof = {"first": f"toUInt8({_COUNTED} AND {_FIRST})", "cost": f"if({_COUNTED}, price, toInt64(0))"}
    proof |= {"needed": f"if({_COUNTED}, min_to_win, toInt64(0))", "uncounted": void}
    yield _select("impressions", days, proof | {"shown": counts})
    yield _select("clicks", days, {"clicked": counts, "uncounted": void})
    if wanted.target == "price":
        yield _select("wins", days, proof)
        yield _select("billings", days, proof)
        lost = {"failed": f"toUInt8({_COUNTED})", "needed": f"if({_COUNTED}, min_to_win, toInt64(0))"}
        yield _select("losses", days, lost | {"uncounted": void})
    if wanted.target in ("cvr", "view_cvr"):
        # a credit knows when the ad was clicked or seen, which is after the bid
        touched = (
            f"day >= {since} AND bid != 0 AND touch_ns >= {wanted.from_ns}"
            f" AND touch_ns < {wanted.to_ns + _LATEST_CLICK_NS}"
        )
        event = " AND event = %(event)s" if wanted.event else ""
        for kind, when, number, worth in (
            (1, "converted", "conversions", "worth"),
            (2, "viewed", "view_conversions", "view_worth"),
        ):
            valid = (
                "(SELECT bid, received_ns, sum(sign) AS credits, sum(value * sign) AS credited FROM attributions"
                f" WHERE {touched} AND kind = {kind}{event}"
                " GROUP BY bid, received_ns, event, `order` HAVING sum(sign) > 0)"
            )
            told = {when: "received_ns", number: "toInt64(credits)", worth: "toInt64(credited)"}
            yield _select(valid, "1", told)


def _select(fact: str, where: str, told: Mapping[str, str]) -> str:
    columns = ", ".join(f"{told.get(name, zero)} AS {name}" for name, zero in _TOLD.items())
    return f"SELECT bid, {columns} FROM {fact} WHERE {where}"


def _batch(schema: pa.Schema, features: int, rows: Sequence[Row]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True))
    arrays: list[Any] = [
        pa.array(_numbers(kind, values)) for kind, values in zip(COLUMNS.values(), columns[: len(COLUMNS)], strict=True)
    ]
    if features:
        raw = bytes.fromhex("".join(columns[-1]))
        arrays.append(
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * features), len(rows), [None, pa.py_buffer(raw)])
        )
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _numbers(kind: Any, values: Sequence[Any]) -> NDArray[Any]:
    """chDB writes 64-bit numbers as texts."""
    return np.array(list(map(float if kind is np.float64 else int, values)), kind)


class _Sink:
    """A file that is emptied as it is written."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def flush(self) -> None:
        """It is in memory."""

    def close(self) -> None:
        """What was written is still to be taken."""

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
