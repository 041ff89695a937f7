"""docs/openrtb.md says of every field of the model what is done with it, and of no other."""

import copy

import pytest

from domain.errors import Refused
from openrtb.field_table import PAGE, page, read, table


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(read()), "run: python -m openrtb.field_table"


def test_every_field_has_a_row() -> None:
    assert sum(len(rows) for rows in table(read()).values()) > 350


@pytest.mark.parametrize(
    ("field", "said", "allowed"),
    [
        ("at", None, "every field of the model has an entry"),
        ("price", "read", "the model has no such field"),
        ("at", "admired", "one of"),
        ("at", "ignored", "why, if it is ignored"),
    ],
)
def test_what_does_not_go_together_is_named(field: str, said: str | None, allowed: str) -> None:
    uses = copy.deepcopy(read())
    if said is None:
        del uses["BidRequest"][field]
    else:
        uses["BidRequest"][field] = said
    with pytest.raises(Refused, match=rf"BidRequest\.{field}: .*{allowed}"):
        table(uses)


def test_an_object_that_is_not_in_the_model_is_named() -> None:
    with pytest.raises(Refused, match="no such object"):
        table({**read(), "Bid": {}})
