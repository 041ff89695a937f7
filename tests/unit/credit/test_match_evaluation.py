"""Recorded matches as a log: what another policy would have earned is told from it, and is true."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from credit import outcomes
from credit.learning import Lessons, model_of
from credit.match_log import FOLDER, encode, keep_catalogue, record_of, worker_log
from credit.matching import Matcher, Question, Standing, priors_of
from credit.outcomes import Outcome, OutcomeBook
from credit.policy import Policy
from credit.product_file import catalogue_of
from credit.quotas import Quotas
from domain.clock import SECOND, ManualClock
from domain.money import NANOS

DAY = 86_400 * SECOND
BEGIN = 20_000 * DAY
TRUTH = {"l/poor": 0.05, "l/rich": 0.5, "m/fair": 0.3}
PRODUCT = {"amount": {"min": 100, "max": 900}, "term_months": [12], "apr": {"min": 1, "max": 2}, "answer_days": 5}


async def made(data: Path, matches: int) -> str:
    """Two days of matches, the second half on the second one; every fourth was not answered. Strangers tell of all."""
    catalogue = catalogue_of(
        {
            "currency": "USD",
            "lenders": [
                {
                    "key": "l",
                    "name": "L",
                    "institution": "l-group",
                    "products": [
                        {"key": "poor", "name": "P", "payout": {"fixed": 40}, **PRODUCT},
                        {"key": "rich", "name": "R", "payout": {"fixed": 40}, "loss": {"carried": "10%"}, **PRODUCT},
                    ],
                },
                {
                    "key": "m",
                    "name": "M",
                    "products": [{"key": "fair", "name": "F", "payout": {"fixed": 40}, **PRODUCT}],
                },
            ],
        }
    )
    draw, clock = random.Random(4), ManualClock(BEGIN)
    quotas = Quotas(catalogue, None, clock.now_ns)
    rates = model_of(*Lessons().answers(), catalogue, 0).rates(priors_of(catalogue.products))
    matcher = Matcher(catalogue, rates, quotas, Policy("thompson", 0.1), draw.random)
    log = worker_log(data / "credit" / FOLDER, 0, durable=False)
    book = OutcomeBook(outcomes.directory(data), outcomes.SERVICE)
    version, taken = keep_catalogue(data / "credit" / FOLDER, catalogue), 0
    for number in range(matches):
        asked = Question({"credit.pd": 0.1}, Standing(pd=0.1), draw.randint(100, 900) * NANOS, 12)
        found = matcher.match(asked)
        at = BEGIN + number * 2 * DAY // matches
        record = record_of(
            found, asked, catalogue, version=version, at_ns=at, institution="", persons=(7,), policy="thompson",
            even_share=0.1, learnt=0,
        )  # fmt: skip
        await log.keep(encode(record))
        path = catalogue.products[found.offers[0].product].path
        approved = draw.random() < TRUTH[path]
        if approved or number % 4:
            kind = "approved" if approved else "rejected"
            teller = "m" if path == "m/fair" else "l-group"
            taken = max(taken, book.take(Outcome(found.id, kind, at // SECOND, institution=teller)).position)
        for kind in ("approved", "defaulted"):  # by somebody whom it does not concern
            book.take(Outcome(found.id, kind, at // SECOND, institution="stranger"))
    book.wait(taken)
    book.close()
    log.close()
    return found.id


async def test_a_policy_is_learnt_from_one_day_and_told_from_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    last = await made(tmp_path, 1_600)
    out = tmp_path / "log.csv"
    day = "2024-10-05"  # the second of the two
    assert main(["credit", "matches", "export", "--out", str(out), "--learn-until", day]) == 0
    assert "800 matches of 3 products" in capsys.readouterr().out
    evaluate = ["backtest", "policy", "--log", str(out), "--policy", "target", "--bootstrap", "50", "--json"]
    assert main(evaluate) == 0
    told = json.loads(capsys.readouterr().out)
    best = 40 * TRUTH["l/rich"] * 0.98 + 0.02 / 3 * 40 * (TRUTH["l/poor"] + TRUTH["m/fair"])
    assert abs(told["mean_weight"] - 1) < 3 * told["mean_weight_error"]
    for name in ("ips", "snips", "dr"):
        low, high = told["estimates"][name]["normal"]
        assert low < best < high, name
    assert told["estimates"]["dr"]["normal"][0] > told["logged_value"], "the best one is known after a day"
    assert main(["credit", "matches", "export", "--out", str(out)]) == 0
    assert "1600 matches" in capsys.readouterr().out
    header, first, *_ = out.read_text().splitlines()
    assert header.startswith("action,reward,propensity,x:default_odds") and "target" not in header
    assert np.isfinite(float(first.split(",")[1]))

    assert main(["credit", "matches", "show", last]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["match_id"], shown["persons"], shown["tags"]) == (last, ["key:0000000000000007"], {"credit.pd": 0.1})
    assert sum(shown["candidates"].values()) == pytest.approx(1, abs=1e-5)
    assert shown["outcomes"][0]["match_id"] == last
    for wrong in (["show", "none"], ["export", "--out", str(out), "--learn-until", "monday"]):
        assert main(["credit", "matches", *wrong]) == 2
    assert "it must be a day" in capsys.readouterr().err
