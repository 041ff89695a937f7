"""Exchanges that encrypt prices, or tell none: three books that agree, for the silent one after its log file."""

import csv
import json
import sqlite3
from base64 import urlsafe_b64encode
from contextlib import closing
from pathlib import Path

from tests.deployment import EXAMPLES, Deployment

KEY = urlsafe_b64encode(bytes(range(64))).decode()
SETTINGS = f"""
[simulator.trouble]
late_s = [0.1, 1.0]
[[simulator.sellers]]
key = "usx"
currency = "USD"
billing = {{banner = "burl", native = "burl", video = "impression", audio = "impression"}}
auction_type = 2
price_source = "none"
[[simulator.sellers]]
key = "cnx"
currency = "CNY"
billing = "impression"
auction_type = 2
price_source = "encrypted"
price_key = "{KEY}"
"""


def campaigns(folder: Path) -> Path:
    """The examples, on exchanges that tell their prices otherwise."""
    text = (EXAMPLES / "campaigns.yaml").read_text()
    for billing, told in (
        ("{banner: burl, native: burl, video: impression, audio: impression}", "price_source: none"),
        ("impression", f"price_source: encrypted\n    price_key: {KEY}"),
    ):
        assert text.count(f"    billing: {billing}\n") == 1
        text = text.replace(f"    billing: {billing}\n", f"    billing: {billing}\n    {told}\n")
    (folder / "audiences").symlink_to(EXAMPLES / "audiences")
    (folder / "campaigns.yaml").write_text(text)
    return folder / "campaigns.yaml"


def log_file(folder: Path, books: Path) -> Path:
    """What the silent exchange charged for, from its own books."""
    sold = (
        "SELECT bid, price, currency FROM sales JOIN notices ON sale = sales.id AND kind = billing "
        "WHERE exchange = 'usx' AND counts AND state = 'acknowledged'"
    )
    with closing(sqlite3.connect(books)) as database, (folder / "usx.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["bid", "cpm", "currency"])
        writer.writerows((bid, f"{price / 1_000_000:.6f}", cur) for bid, price, cur in database.execute(sold))
    return folder / "usx.csv"


async def test_encrypted_prices_are_booked_and_untold_ones_corrected_from_the_log_file(
    deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / "outbid.toml").write_text(SETTINGS)
    deployment.environment["OUTBID_CONFIG"] = str(tmp_path / "outbid.toml")
    status, said = await deployment.outbid("campaigns", "import", str(campaigns(tmp_path)))
    assert status == 0, said
    async with deployment.up(1):
        _, said = await deployment.outbid("simulate", "--rate", "150", "--for", "5", "--json")
        told = json.loads(said)
        assert told["faults"] == []
        assert told["waiting"] == []
        for book in told["books"]:
            exchange, ledger, store = book["figures"]
            assert exchange | {"spend": 0} == store | {"spend": 0}
            assert ledger == {name: store[name] for name in ledger}
            assert (exchange["spend"] < ledger["spend"]) == (book["exchange"] == "usx")  # estimates are never too low
            assert exchange["spend"] == ledger["spend"] or book["exchange"] == "usx"
        status, said = await deployment.outbid(
            "prices",
            "reconcile",
            "--exchange",
            "usx",
            str(log_file(tmp_path, deployment.data / "exchange/books.sqlite")),
        )
        assert status == 0, said
        status, said = await deployment.outbid("reconcile")
        assert status == 0, said
        assert "The books agree" in said
        sums = {
            line["exchange"]: line for line in (await deployment.get(f"{deployment.control}/v1/books"))["exchanges"]
        }
        assert min(sums["usx"]["billed"], sums["cnx"]["billed"]) > 0
        assert (sums["usx"]["estimated"], sums["cnx"]["estimated"]) == (0, 0)
