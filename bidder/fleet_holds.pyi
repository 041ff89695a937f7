from bidder.answer import Answer
from bidder.candidates import Candidates
from bidder.frequency import History
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request
from targeting.redis_lookup import Held

def to_hold(
    c: Candidates, view: View, seller: Seller, history: History, r: Request, answer: Answer
) -> dict[int, list[bytes | int]] | None: ...
def held(c: Candidates, view: View, history: History, answers: dict[int, Held]) -> int: ...
