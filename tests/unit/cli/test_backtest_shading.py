"""``outbid backtest shading`` on made-up auctions whose best policy is known, from file to JSON and picture."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cli.main import main

ROWS = 12_000


def recording(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Two kinds of impressions, with rates and prices of their own."""
    draw = np.random.default_rng(2)
    kind = draw.integers(0, 2, ROWS)
    ctr = np.where(kind, 0.004, 0.001) * draw.uniform(0.9, 1.1, ROWS)
    price = np.ceil(np.where(kind, draw.lognormal(4.2, 0.3, ROWS), draw.lognormal(2.3, 0.5, ROWS)))
    path.write_text("".join(f"0 {int(p)} {c!r}\n" for p, c in zip(price, ctr.tolist(), strict=True)))
    return price, ctr


def test_it_nearly_bids_what_is_best_in_hindsight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The oracle tries every constant bid on each kind of impressions of the part that counts."""
    path, picture = tmp_path / "replay.txt", tmp_path / "plot.svg"
    price, ctr = recording(path)
    asked = ["backtest", "shading", "--replay", str(path), "--values", "30000,60000", "--runs", "2"]
    assert main([*asked, "--plot", str(picture), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["values"] == [30000.0, 60000.0]
    price, ctr = price[int(ROWS * 0.6) :], ctr[int(ROWS * 0.6) :]
    for place, value in enumerate(told["values"]):
        worth = value * ctr
        best = 0.0
        for kind in (ctr < 0.002, ctr > 0.002):
            best += max(float(((worth - bid) * (price <= bid))[kind].sum()) for bid in range(1, 301))
        oracle = best / np.maximum(worth - price, 0).sum()
        assert 0.85 * oracle < told["share"][place] < 1.02 * oracle
        assert 0.93 * oracle < told["full_information_share"][place] < 1.02 * oracle
        low, high = told["share_interval"][place]
        assert low < told["share"][place] < high
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")
    assert main([*asked, "--json"]) == 0  # and again the same
    assert json.loads(capsys.readouterr().out) == told
    assert main(asked) == 0
    assert "Means of 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "asked", "named"),
    [
        ("0 5 0.1\n0 x 0.1\n", (), "line 2"),
        ("0 5 0.1\n0 5 1.5\n", (), "line 2"),
        ("0 5 0.1\n2 5 0.1\n", (), "line 2"),
        ("0 5 0.1\n0 5\n", (), "line 2"),
        ("0 nan 0.1\n", (), "line 1"),
        ("", (), "replay"),
        ("0 5 0.1\n", (), "5000"),
        ("0 5 0.1\n", ("--test-from", "1"), "test-from"),
        ("0 5 0.1\n", ("--explore", "0.5"), "explore"),
        ("0 5 0.1\n", ("--runs", "0"), "runs"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    text: str, asked: tuple[str, ...], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "replay.txt"
    path.write_text(text)
    assert main(["backtest", "shading", "--replay", str(path), "--values", "100", *asked]) == 2
    assert named in capsys.readouterr().err
