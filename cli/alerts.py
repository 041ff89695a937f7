"""``outbid alerts``: what is wrong now, a test of the channels to people, and silences."""

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("alerts", help="what is wrong now; test and silence what people are told")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="alerts, silences, and what waits to be delivered; status 1 if any fires")
    listed.add_argument("--json", action="store_true", help="print them as a JSON object")
    listed.set_defaults(run=show)
    rules = actions.add_parser("rules", help="the rules, and what they ask in Prometheus' language")
    rules.set_defaults(run=show_rules)
    test = actions.add_parser("test", help="send a test over every channel; status 1 if one does not deliver")
    test.set_defaults(run=send_test)
    silence = actions.add_parser("silence", help="tell nobody of a rule's alerts for a while")
    silence.add_argument("rule", metavar="RULE", help="name of the rule; * for all")
    silence.add_argument("--for", dest="seconds", type=duration, required=True, metavar="TIME", help="like 30m, 2h, 1d")
    silence.add_argument("--where", type=label, action="append", default=[], metavar="LABEL=VALUE")
    silence.add_argument("--reason", default="", help="for whoever wonders")
    silence.set_defaults(run=silence_rule)
    unsilence = actions.add_parser("unsilence", help="end a silence")
    unsilence.add_argument("id", metavar="ID", help="as `list` shows it")
    unsilence.set_defaults(run=end_silence)


def duration(text: str) -> float:
    """Seconds, as written on a command line."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; a number above 0 with s, m, h or d, like 30m")
    return float(found[1]) * _UNITS[found[2]]


def label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; LABEL=VALUE")
    return name, value


def show(asked: argparse.Namespace) -> int:
    import json

    from cli.ask import NoAnswer, ask
    from domain.settings import places

    try:
        body = ask(f"{places().watcher_base}/v1/alerts")
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    told = json.loads(body)
    print(body.decode() if asked.json else "\n".join(described(told)))
    return int(any(alert["state"] == "firing" for alert in told["alerts"]))


def described(told: dict[str, Any]) -> "Iterator[str]":
    """For people."""
    from datetime import UTC, datetime

    def at(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")

    for alert in sorted(told["alerts"], key=lambda alert: (alert["state"], alert["severity"], alert["since"])):
        labels = " ".join(f"{name}={value}" for name, value in alert["labels"].items())
        silenced = "  (silenced)" if alert["silenced"] else ""
        yield f"{alert['state']:<8} {alert['severity']:<9} {alert['rule']} {labels}{silenced}".rstrip()
        yield f"         since {at(alert['since'])}  value {alert['value']:g}, {alert['bound']}  {alert['summary']}"
    if not told["alerts"]:
        yield "nothing is wrong"
    for silence in told["silences"]:
        where = " ".join(f"{name}={value}" for name, value in silence["where"].items())
        yield f"silence  {silence['id']}  {silence['rule']} {where} until {at(silence['until'])}  {silence['reason']}"
    for name, up in told["targets"].items():
        if not up:
            yield f"down     {name}"
    for channel, count in told["waiting"].items():
        if count:
            yield f"waiting  {count} for {channel}: {told['troubles'].get(channel, '')}"


def show_rules(asked: argparse.Namespace) -> int:
    from monitoring.config import alert_settings
    from monitoring.rules import rules

    for rule in rules(alert_settings().rule):
        print(f"{rule.name:<22} {rule.severity:<9} for {rule.for_s:g} s  {rule.promql()}")
    return 0


def send_test(asked: argparse.Namespace) -> int:
    import json

    outcomes = json.loads(_send("test"))
    for channel, outcome in outcomes.items():
        print(f"{channel}: {outcome}")
    if not outcomes:
        print("no channel is set up; see [alerts.email] and [[alerts.webhook]] in docs/configuration.md")
    return int(not outcomes or any(outcome != "delivered" for outcome in outcomes.values()))


def silence_rule(asked: argparse.Namespace) -> int:
    import json

    order = {"rule": asked.rule, "seconds": asked.seconds, "where": dict(asked.where), "reason": asked.reason}
    silence = json.loads(_send("silence", json.dumps(order).encode()))
    print(f"silence {silence['id']}")
    return 0


def end_silence(asked: argparse.Namespace) -> int:
    from urllib.parse import quote

    _send(f"unsilence?id={quote(asked.id)}")
    return 0


def _send(what: str, body: bytes = b"") -> bytes:
    """The answer to an order. Raises `domain.errors.Unavailable` with the watcher's words."""
    from cli.ask import NoAnswer, send
    from domain.errors import Unavailable
    from domain.keys import internal_secret, load_keys
    from domain.settings import places

    here = places()
    try:
        return send(f"{here.watcher_base}/v1/alerts/{what}", body, internal_secret(load_keys(here.data)))
    except NoAnswer as error:
        raise Unavailable(str(error)) from None
