"""``outbid reach``: whom a targeting expression would have met in the last day, what a bid would have won and paid."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bidder.reach import Reach
    from bidder.request_sample_files import Stratum
    from domain.campaign import Advertiser, Snapshot
    from targeting.reach import Estimate
    from targeting.redis_profiles import RedisProfiles


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("reach", help="whom a targeting expression would have met, and what a bid would win")
    command.add_argument(
        "--targeting", type=Path, required=True, metavar="FILE", help="what stands under targeting in a campaign file"
    )
    command.add_argument("--bid", required=True, metavar="CPM", help="in the advertiser's currency, without fees")
    command.add_argument("--advertiser", metavar="KEY", help="whose audiences, currency and clock; needed if not alone")
    command.add_argument(
        "--format",
        action="append",
        choices=("banner", "video", "audio", "native"),
        help="only impressions of this format; more than once: of one of these",
    )
    command.add_argument("--json", action="store_true", help="all figures, with their errors, as JSON")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import msgspec

    from cli.ask import NoAnswer, ask
    from domain.campaign import Snapshot
    from domain.errors import Problem, Refused
    from domain.money import MoneyError, parse_cpm
    from domain.settings import places
    from domain.yaml_file import read_yaml

    try:
        bid = parse_cpm(asked.bid)
    except MoneyError as error:
        raise Refused([Problem("--bid", asked.bid, f"it must be a CPM, such as 2.50 ({error})")]) from None
    if bid <= 0:
        raise Refused([Problem("--bid", asked.bid, "it must be above 0")])
    form = read_yaml(asked.targeting) or {}
    if asked.format:
        wanted = {"format": list(dict.fromkeys(asked.format))}
        form = {"all": [form, wanted]} if form else wanted
    where = places()
    try:
        current = ask(f"{where.control_base}/v1/snapshots/current")
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    snapshot = msgspec.msgpack.decode(current, type=Snapshot)
    owner = _advertiser(asked.advertiser, snapshot)
    reach = _forecast(form, bid, owner, snapshot)
    if not reach.sampled:
        print(f"outbid: no requests are kept in {where.data / 'requests'} yet", file=sys.stderr)
        return 1
    print(json.dumps(as_json(reach, owner.currency)) if asked.json else as_text(reach, owner.currency))
    return 0


def _advertiser(key: str | None, snapshot: "Snapshot") -> "Advertiser":
    from domain.errors import Problem, Refused

    known = {advertiser.key: advertiser for advertiser in snapshot.advertisers}
    if key is None and len(known) == 1:
        return next(iter(known.values()))
    if key not in known:
        raise Refused([Problem("--advertiser", key, f"there are {', '.join(sorted(known)) or 'none'}")])
    return known[key]


def _forecast(form: Any, bid: int, owner: "Advertiser", snapshot: "Snapshot") -> "Reach":
    """On the requests, profiles and logs of this host."""
    from bidder.config import bidder_settings
    from bidder.enrichment.chain import Chain
    from bidder.enrichment.device import DeviceModule
    from bidder.enrichment.geo import GeoModule
    from bidder.enrichment.profile import ProfileModule
    from bidder.frequency import History
    from bidder.market import read_market
    from bidder.reach import forecast, read_sample
    from campaigns.published_targeting import read_targeting
    from domain.clock import from_env
    from domain.settings import places
    from targeting.forgotten import Forgotten
    from targeting.redis_profiles import RedisProfiles
    from targeting.stores import open_store

    data, now_ns = places().data, from_env().now_ns()
    targeting = read_targeting(form, owner, snapshot)
    strata = read_sample(data, now_ns)
    market = read_market(data, snapshot, now_ns)
    with open_store(data, readonly=True) as store:
        reader = _Fetched(store, _persons(strata, snapshot)) if isinstance(store, RedisProfiles) else store.reader()
        person = ProfileModule(reader, Forgotten(data))
        chain = Chain([person, GeoModule(bidder_settings().geo_database), DeviceModule()])
        return forecast(strata, snapshot, owner, targeting, bid, chain, market, History(reader))


def _persons(strata: "Iterable[Stratum]", snapshot: "Snapshot") -> list[int]:
    """Under whatever id a record may be."""
    from bidder.request_sample_forgetting import named_persons

    names = named_persons({exchange.id: exchange.key for exchange in snapshot.exchanges})
    personal = [kept for stratum in strata for kept in stratum.kept if kept.personal]
    return sorted({kept.person for kept in personal}.union(*map(names, personal)) - {0})


class _Fetched:
    """Records of another host, fetched together beforehand; who was not thought of is fetched alone."""

    any_opted_out = True

    def __init__(self, store: "RedisProfiles", persons: list[int]) -> None:
        from targeting.merge import aliased

        self._store, self.taken_ns = store, store.taken_ns
        self._records: dict[int, bytes | None] = {}
        for _ in range(2):  # what lies under the keys themselves, then the persons whom aliases name
            self._records.update(zip(persons, store.lie(persons), strict=True))
            persons = sorted({aliased(record) for record in self._records.values()} - {0, *self._records})

    def get(self, person: int) -> bytes | None:
        if person not in self._records:
            self._records[person] = self._store.get(person)
        return self._records[person]


COUNTS = {
    "matching": "matching requests",
    "impressions_offered": "impressions offered in them",
    "people": "people in them",
    "above_floor": "requests whose floor the bid meets",
    "impressions": "impressions won, expected",
    "people_reached": "people reached, expected",
    "clicks": "clicks, expected",
}


def as_json(reach: "Reach", currency: str) -> dict[str, Any]:
    """Money in units of the currency."""
    found: dict[str, Any] = {name: getattr(reach, name) for name in ("hours", "sampled", "requests", "curves")}
    found["share"] = _pair(reach.share, 6)
    for name in COUNTS:
        found[name] = _pair(getattr(reach, name), 1)
    found["cost"] = _pair(reach.cost, 2, 1e9)
    found["currency"] = currency
    return found


def _pair(estimate: "Estimate", places: int, unit: float = 1.0) -> dict[str, float]:
    return {"value": round(estimate.value / unit, places), "plus_minus": round(estimate.plus_minus / unit, places)}


def _time(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"


def as_text(reach: "Reach", currency: str) -> str:
    """For people; errors are those of the sample, at 95 %."""
    share = reach.share
    lines = [
        f"Of {reach.requests:,} requests in {_time(reach.hours)}, {reach.sampled:,} of them kept, match "
        f"{share.value:.2%} (± {share.plus_minus:.2%}).",
        "",
    ]
    for name, words in COUNTS.items():
        value, error = getattr(reach, name)
        lines.append(f"{words:38}{value:14,.0f}  ± {error:,.0f}")
    cost, error = reach.cost
    lines.append(f"{f'cost, expected, {currency}':38}{cost / 1e9:14,.2f}  ± {error / 1e9:,.2f}")
    lines += ["", *(f"{exchange}: {words}" for exchange, words in sorted(reach.curves.items()))]
    return "\n".join(lines)
