"""No-bid codes as they go over the wire."""

from openrtb.nobid import NoBidReason


def test_a_reason_is_its_code_and_says_what_it_means() -> None:
    assert int(NoBidReason(505)) == 505 and NoBidReason(505) is NoBidReason.BUDGET
    assert f"{int(NoBidReason.TOO_LITTLE_TIME)}" == "15"
    for reason in NoBidReason:
        assert reason.text.endswith(".") and len(reason.text) > 15


def test_our_own_codes_begin_where_the_list_leaves_off() -> None:
    codes = [int(reason) for reason in NoBidReason]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if code < 500] == list(range(18))  # list 5.24
    assert all(500 <= code < 600 for code in codes if code >= 18)
