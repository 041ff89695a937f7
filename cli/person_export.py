"""Everything that is known of a person, with the names of what it is about: ``outbid people show``."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from bidder.request_sample_files import read
from bidder.request_sample_forgetting import named_persons
from cli.ask import NoAnswer, ask, send
from cli.forgetting import REQUESTS, devices_of, exchanges_of, keys_of, logs
from cli.person_scores import known_of
from domain.blanking import written
from domain.campaign import Snapshot
from domain.clock import from_env
from domain.events import Conversion, Event, decode
from domain.keys import internal_secret, load_keys
from domain.person import SCORES, Stage, conversion_kind, score_id
from domain.settings import Places
from domain.worth import PROFILE_SCORES
from eventlog.rewriting import matching
from targeting.erasing import audiences_of
from targeting.forgotten import Forgotten
from targeting.held_words import unpacked
from targeting.holds import Holds
from targeting.identity import Edge
from targeting.identity_keys import written_key
from targeting.record import NEVER, OPT_OUT, is_member
from targeting.stores import fleet_holds, open_store
from targeting.unpacked import Record, Unreadable, unpack

LEVELS = {1: "campaign", 2: "line_item", 3: "advertiser", 4: "creative", 5: "audience", 6: "history"}
"""Of frequency scopes (`targeting.record`)."""
LEVEL_BITS = 29
HOUR_S = 3_600
Json = dict[str, Any]


class Names:
    """What ids stand for, as published; without control the ids stand for themselves."""

    def __init__(self, control_base: str) -> None:
        self.known: dict[tuple[str, int], Json] = {}
        self.kinds: dict[int, str] = {}
        self.missing = ""
        try:
            published = ask(f"{control_base}/v1/snapshots/current")
        except NoAnswer as error:
            self.missing = str(error)
            return
        snapshot = msgspec.msgpack.decode(published, type=Snapshot)
        for kind, rows in (
            ("exchange", snapshot.exchanges),
            ("advertiser", snapshot.advertisers),
            ("campaign", snapshot.campaigns),
            ("line_item", snapshot.line_items),
            ("creative", snapshot.creatives),
            ("audience", snapshot.audiences),
        ):
            for row in rows:
                self.known[kind, row.id] = {"id": row.id, "key": row.key, "name": getattr(row, "name", row.key)}

    def of(self, kind: str, id_: int) -> Json:
        return self.known.get((kind, id_), {"id": id_})

    def dressed(self, fields: Json) -> Json:
        """Fields of an event or a row, with names in place of ids where there are any."""
        return {
            name: self.known.get((name, value), value) if isinstance(value, int) else value
            for name, value in fields.items()
        }


def export(place: Places, key: int) -> bytes:
    """As JSON, indented. Raises `cli.ask.NoAnswer` if the reporter is there and cannot say."""
    names = Names(place.control_base)
    with open_store(place.data) as store:
        keys = keys_of(store, key)
        edges = store.identity.edges(key)
        record = store.get_many([key])[0] or b""
        listed = sorted({audience for one in keys for audience in audiences_of(store, one)} - {OPT_OUT})
        devices = sorted(devices_of(place.data, keys))
        counters = {device: found for device, found in zip(devices, store.get_many(devices), strict=True) if found}
    marks = [written(one) for one in keys]
    events = {
        str(log.relative_to(place.data)): [event for record in matching(log, marks) if (event := _theirs(record, keys))]
        for log in logs(place.data)
    }
    for of in events.values():
        for event in of:
            if isinstance(event, Conversion):
                names.kinds[conversion_kind(event.advertiser, event.event)] = event.event
    held = _held(place, [*keys, *devices])
    found: Json = {
        "keys": [written_key(one) for one in keys],
        "joins": [_join(edge) for edge in edges],
        "forgotten": any(one in Forgotten(place.data) for one in keys),
        "opted_out": is_member(record, OPT_OUT),
        "record": _record(record, names),
        "listed_in": [names.of("audience", audience) for audience in listed],
        "devices": {written_key(device): _record(of, names) for device, of in counters.items()},
        "bids_in_flight": [
            names.dressed(dict(zip(("campaign", "line_item", "advertiser", "creative"), ad, strict=True)))
            for ad in held
        ],
        "events": {log: [_event(event, names) for event in of] for log, of in events.items() if of},
        "requests": list(_requests(place, keys)),
        **known_of(place.data, keys, from_env().now_ns() // 10**9),
        "analytics": _rows(place, keys, names),
    }
    if names.missing:
        found["names"] = f"not known: {names.missing}"
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _held(place: Places, keys: list[int]) -> list[tuple[int, int, int, int]]:
    """Campaign, line item, advertiser and creative of the bids in flight, on this host or of the fleet."""
    if fleet := fleet_holds():
        with fleet:
            return [ad for one in keys for ad in unpacked(fleet.held(one))]
    holds = Holds(place.data, place.holds)
    held = [ad for one in keys for ad in holds.held(one)]
    holds.close()
    return held


def _join(edge: Edge) -> Json:
    keys = {"first": written_key(edge.first), "second": written_key(edge.second)}
    return {**keys, "source": edge.source, "confidence": edge.confidence, "told": _time(edge.at_s)}


def _theirs(record: bytes, keys: list[int]) -> Event | None:
    event = decode(record)
    return event if getattr(event, "person", 0) in keys else None


def _event(event: Event, names: Names) -> Json:
    fields: Json = {"event_kind": type(event).__name__, **{f: getattr(event, f) for f in event.__struct_fields__}}
    return _readable(
        {f: value.hex().upper() if isinstance(value, bytes) else value for f, value in fields.items()}, names
    )


def _readable(fields: Json, names: Names) -> Json:
    shown = names.dressed(fields)
    for name in shown:
        if name.endswith("_ns") and isinstance(shown[name], int) and shown[name]:
            shown[name] = _time(shown[name] // 10**9)
    if "person" in shown:
        shown["person"] = written_key(shown["person"])
    return shown


def _requests(place: Places, keys: list[int]) -> Iterator[Json]:
    """Bid requests that are kept for the reach forecast, and are the person's or name them."""
    exchanges = exchanges_of(place)
    names = named_persons(exchanges)
    for stratum in read(place.data / REQUESTS, from_env().now_ns()):
        for kept in stratum.kept:
            if kept.person in keys or not set(keys).isdisjoint(names(kept)):
                try:
                    body = orjson.loads(kept.body)
                except orjson.JSONDecodeError:
                    body = kept.body.decode(errors="replace")
                exchange = exchanges.get(kept.exchange, kept.exchange)
                yield {"at": _time(kept.time_ns // 10**9), "exchange": exchange, "request": body}


def _rows(place: Places, keys: list[int], names: Names) -> Json | str:
    secret = internal_secret(load_keys(place.data))
    try:
        answer = send(f"{place.reporter_base}/v1/people/show", msgspec.json.encode(keys), secret)
    except NoAnswer as error:
        if error.unreachable:
            return f"not known: {error}"
        raise
    return {name: [_readable(row, names) for row in rows] for name, rows in orjson.loads(answer).items()}


def _record(data: bytes, names: Names) -> Json | None:
    if not data:
        return None
    try:
        record = unpack(data)
    except Unreadable as error:
        return {"unreadable": str(error)}
    scores = {score_id(name): name for name in (*SCORES, *PROFILE_SCORES.values())}
    return {
        "audiences": [
            {**names.of("audience", audience), "expires": "never" if until == NEVER else _time(until)}
            for audience, until in record.segments.items()
            if audience != OPT_OUT
        ],
        "standing": [
            {
                "advertiser": names.of("advertiser", advertiser),
                "stage": Stage(standing.stage).word if standing.stage else None,
                "since": _time(standing.since_s),
                "visited": _time(standing.visited_s),
                "shown": _time(standing.shown_s),
                "clicked": _time(standing.clicked_s),
            }
            for advertiser, standing in record.relations.items()
        ],
        "scores": [
            {"score": scores.get(id_, f"{id_:08x}"), "value": scored.value, "at": _time(scored.at_s)}
            for id_, scored in record.scores.items()
        ],
        "conversions": [
            {"event": names.kinds.get(kind, f"{kind:08x}"), "count": of.total, "last": _time(of.last_s)}
            for kind, of in record.conversions.items()
        ],
        "impressions": list(_impressions(record, names)),
    }


def _impressions(record: Record, names: Names) -> Iterator[Json]:
    for scope, times in record.shown.items():
        level = LEVELS.get(scope >> LEVEL_BITS, str(scope >> LEVEL_BITS))
        earlier = {_time(hour * HOUR_S): count for hour, count in record.hours.get(scope, {}).items()}
        yield {
            level: names.of(level, scope & (1 << LEVEL_BITS) - 1),
            "times": [_time(time) for time in times],
            **({"earlier_by_hour": earlier} if earlier else {}),
        }


def _time(unix_s: int) -> str | None:
    return datetime.fromtimestamp(unix_s, UTC).isoformat() if unix_s else None
