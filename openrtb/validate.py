"""What makes a bid request, or one of its imps, unusable: the rules, one a line.

They are few, since real traffic is sloppy: what can be read in one way only is served. A request that breaks one of
`OF_A_REQUEST` gets no bid at all (``nbr`` 2), an imp that breaks one of `OF_AN_IMP` gets none, and the others are
served. The lenient reading (`openrtb.parse`) has already refused what has no id or no imp, and dropped imps without an
id. The compiled scanner follows the same rules (`openrtb.scan`, `openrtb.scan_imp`); a property test compares them.

What is *not* a rule here: ``wseat`` beside ``bseat`` and ``acat`` beside ``bcat`` are both obeyed; a deal with a
negative floor is nobody's, and its imp can still be bid on in the open auction; a ``minduration`` beside ``rqddurs`` is
of no effect. Sections are those of OpenRTB 2.6-202606.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from domain.errors import Problem
from openrtb.model import Audio, BidRequest, Imp, Native, Video

T = TypeVar("T")


class Rule(NamedTuple, Generic[T]):
    """``broken`` looks at a request or an imp; ``path`` and ``allowed`` say to people what was expected where."""

    path: str
    allowed: str
    broken: Callable[[T], bool]


def _below_zero(number: float | None) -> bool:
    return number is not None and number < 0


def _any_below_zero(offer: Video | Audio | None) -> bool:
    floors = offer.durfloors if offer is not None else None
    return any(_below_zero(one.bidfloor) for one in floors or ())


def _plays_nothing(offer: Video | Audio | None) -> bool:
    return offer is not None and not any(offer.mimes or ())


def _asks_nothing(native: Native | None) -> bool:
    return native is not None and not native.request


OF_A_REQUEST = (
    Rule[BidRequest]("imp", "every imp has its own id (3.2.4)", lambda r: len({i.id for i in r.imp}) < len(r.imp)),
    Rule[BidRequest](
        "site", "a request has at most one of site, app and dooh (3.2.1)",
        lambda r: (r.site is not None) + (r.app is not None) + (r.dooh is not None) > 1,
    ),
)  # fmt: skip

OF_AN_IMP = (
    Rule[Imp]("bidfloor", "a floor is a number from 0 (3.2.4)", lambda i: _below_zero(i.bidfloor)),
    Rule[Imp]("video.mimes", "a video names the types that are taken (3.2.7)", lambda i: _plays_nothing(i.video)),
    Rule[Imp]("audio.mimes", "an audio names the types that are taken (3.2.8)", lambda i: _plays_nothing(i.audio)),
    Rule[Imp]("native.request", "a native has its request (3.2.9)", lambda i: _asks_nothing(i.native)),
    Rule[Imp](
        "video.mincpmpersec", "a floor is a number from 0 (3.2.7)",
        lambda i: i.video is not None and _below_zero(i.video.mincpmpersec),
    ),
    Rule[Imp](
        "audio.mincpmpersec", "a floor is a number from 0 (3.2.8)",
        lambda i: i.audio is not None and _below_zero(i.audio.mincpmpersec),
    ),
    Rule[Imp]("video.durfloors", "a floor is a number from 0 (3.2.35)", lambda i: _any_below_zero(i.video)),
    Rule[Imp]("audio.durfloors", "a floor is a number from 0 (3.2.35)", lambda i: _any_below_zero(i.audio)),
)  # fmt: skip


def request_defect(request: BidRequest) -> Problem | None:
    """The first rule that the request as a whole breaks."""
    for path, allowed, broken in OF_A_REQUEST:
        if broken(request):
            return Problem(path, _value(request, path), allowed)
    return None


def imp_defect(imp: Imp) -> Problem | None:
    """The first rule that the imp breaks; the path begins inside it."""
    for path, allowed, broken in OF_AN_IMP:
        if broken(imp):
            return Problem(path, _value(imp, path), allowed)
    return None


def _value(holder: object, path: str) -> object:
    """What stands there, if it is short enough to be told."""
    for name in path.split("."):
        holder = getattr(holder, name)
    return holder if holder is None or isinstance(holder, float | int | str) else "..."
