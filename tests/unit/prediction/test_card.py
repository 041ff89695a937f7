"""The card: pages that a parser and a reader of the screen can follow, with the figures of the rows in them."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from lxml import html

from prediction import calibration, card, comparison, metrics, plots, ranking, reliability
from prediction.artefact import Description, TrainedOn
from prediction.feature_set import Feature, FeatureSet

SVG = "{http://www.w3.org/2000/svg}"
EVIL = '<script>alert("x")</script> | `a_b`'
TOLD = Description(
    "ctr",
    7,
    1_790_000_000_000_000_000,
    FeatureSet(
        "bid",
        1,
        (Feature("site", "category", "request", doc=EVIL), Feature("age", "number", "request", protected=True)),
        (("site", "age"),),
    ),
    TrainedOn("store", 90_000, 900.0, 1_780_000_000_000_000_000, 1_789_000_000_000_000_000),
    notes={"folder": EVIL},
)


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, bytes], metrics.Metrics]:
    rng = np.random.default_rng(1)
    score = rng.beta(1, 30, 8_000)
    label = (rng.random(8_000) < score).astype(float)
    advertiser = rng.integers(1, 4, 8_000).astype(np.uint32)
    fitted = calibration.fit(label, score, None, {"advertiser": advertiser}, [("advertiser",)])
    written = card.files(
        TOLD,
        label,
        score,
        segments={"advertiser": advertiser},
        names={"advertiser": {1: EVIL, 2: "Bank"}},
        calibration=fitted,
        compared=comparison.paired(label, score, np.minimum(score * 1.2, 1), resamples=20),
    )
    return written, metrics.measure(label, score)


def test_the_page_is_whole_and_tells_the_figures(made: tuple[dict[str, bytes], metrics.Metrics]) -> None:
    written, found = made
    page = html.document_fromstring(written[card.PAGE].decode())
    assert not page.xpath("//script"), "what others wrote is text"
    assert page.get("lang") == "en" and len(page.xpath("//main/h1")) == 1
    text = page.text_content()
    assert EVIL in text and "Bank" in text and "Protected: age." in text and "site × age" in text
    cells = {row[0].text_content(): [cell.text_content() for cell in row[1:]] for row in page.xpath("//tbody/tr")}
    assert cells["AUC"][0] == plots.number(found.auc)
    assert cells["AUC"][1] == "{} to {}".format(*map(plots.number, found.intervals["auc"]))
    assert cells["said / came"][2].startswith("-"), "compared with one that says 1.2 times as much"
    assert cells["rows"] == ["90,000"] and cells["base rate"][0] in ("0.01", plots.number(found.base_rate))
    headed = [head for table in page.xpath("//table[thead]") for head in table.xpath(".//th")]
    assert headed and all(head.get("scope") == "col" for head in headed)
    pictures = page.xpath("//figure/*[local-name()='svg']")
    assert len(pictures) == 4
    ids = [each for each in page.xpath("//@id")]
    assert len(ids) == len(set(ids))
    for picture in pictures:
        assert picture.get("role") == "img"
        assert set(picture.get("aria-labelledby").split()) <= set(ids)
        assert picture.getparent().getnext().tag == "table", "its numbers are beside it"


def test_the_markdown_shows_the_pictures_that_lie_beside_it(made: tuple[dict[str, bytes], metrics.Metrics]) -> None:
    written, _ = made
    text = written[card.MARKDOWN].decode()
    assert set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)) == {name for name in written if name.endswith(".svg")}
    assert "<script>" not in text
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table
    assert len(tables) >= 7
    for name, content in written.items():
        if name.endswith(".svg"):
            drawn = ElementTree.fromstring(content)
            assert drawn.find(f"{SVG}title") is not None and drawn.find(f"{SVG}desc") is not None


def test_points_are_where_their_numbers_say() -> None:
    rng = np.random.default_rng(2)
    score = rng.random(5_000) ** 2
    label = (rng.random(5_000) < score).astype(float)
    bins = reliability.reliability(label, score)
    drawn = ElementTree.fromstring(plots.reliability_plot(bins).svg)
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in drawn.iter(f"{SVG}circle")]
    assert len(dots) == len(bins)
    assert dots == sorted(dots), "scores ascend to the right"
    places = {float(np.log(each.rate)): -dot[1] for each, dot in zip(bins, dots, strict=True) if each.rate > 0.01}
    ends = min(places), max(places)
    for rate, place in places.items():  # a logarithmic axis
        assert place == pytest.approx(np.interp(rate, ends, [places[end] for end in ends]), abs=0.2)
    groups = ranking.grouped(ranking.checked(label, score))
    curve = ElementTree.fromstring(plots.roc_plot(groups, 0.8).svg).findall(f".//{SVG}polyline")[1].get("points", "")
    xy = np.array([[float(part) for part in pair.split(",")] for pair in curve.split()])
    side = xy.max(axis=0)
    area = np.trapezoid(side[1] - xy[:, 1], xy[:, 0]) / (side[0] * side[1])
    assert area == pytest.approx(metrics.auc(label, score), abs=0.005)
    rates = [row[4] for row in plots.lift_plot(reliability.reliability(label, score, bins=10), label.mean()).rows]
    best = np.argsort(-score)[:500]
    assert float(rates[0]) == pytest.approx(label[best].mean() / label.mean(), abs=0.006)


def test_a_model_that_says_one_thing_has_a_card_too() -> None:
    label = np.repeat([0.0, 1.0], [990, 10])
    plain = Description("cvr", 1, 1, None, TrainedOn("file", 0, 0.0, 0, 0))
    written = card.files(plain, label, np.full(1_000, 0.01))
    assert html.document_fromstring(written[card.PAGE].decode()).xpath("count(//figure)") == 4
    for name, content in written.items():
        assert b"nan" not in content.lower(), name
