"""The fees that a line item bids under have a number of their own, which never means anything else."""

from pathlib import Path

from campaigns import catalogue
from campaigns.fee_terms import agree
from domain.campaign import Advertiser, Audience, Campaign, Fee, FeePart, LineItem
from targeting.expression import published
from tests.control_stores import new_control_store

SHARE, SERVING = Fee(1, "share", "Share", share_ppm=125_000), Fee(2, "serving", "Serving", cpm=50_000)
LIST = Audience(7, "list", 1, "List", 10, data_cpm=400_000)
FREE = Audience(8, "free", 1, "Free", 10)


def defined(
    campaign_fees: tuple[int, ...] | None, *audiences: int, left_out: tuple[int, ...] = ()
) -> catalogue.Catalogue:
    targeting = published(
        ({"audience": tuple(map(str, audiences))} if audiences else {})
        | ({"not": {"audience": tuple(map(str, left_out))}} if left_out else {})
    )
    return catalogue.Catalogue(
        fees={fee.key: fee for fee in (SHARE, SERVING)},
        audiences={audience.key: audience for audience in (LIST, FREE)},
        advertisers={"a": Advertiser(1, "a", "A", "USD", "UTC", "a.example", (), fees=(1,))},
        campaigns={"c": Campaign(1, "c", 1, "C", 0, 1, fees=campaign_fees)},
        line_items={"l": LineItem(3, "l", 1, "L", 1, targeting, ())},
    )


def test_terms_are_the_campaigns_fees_and_those_for_the_data_that_is_used(tmp_path: Path) -> None:
    store = new_control_store(tmp_path / "control.sqlite")
    share, serving, data = (FeePart("fee", 1, 125_000, 0), FeePart("fee", 2, 0, 50_000), FeePart("data", 7, 0, 400_000))
    with store.write() as conn:
        first = agree(conn, defined(None))[3]
        assert first.parts == (share,)
        assert agree(conn, defined((1, 2)))[3].parts == (share, serving)
        assert agree(conn, defined((), 7, 8))[3].parts == (data,)
        assert agree(conn, defined((), left_out=(7,))) == {}
        assert agree(conn, defined((), 8)) == {}
    with store.write() as conn:
        assert agree(conn, defined(None)) == {3: first}
        assert agree(conn, defined((2,), 7))[3].id == 4
    store.close()
