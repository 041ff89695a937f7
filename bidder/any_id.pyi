from bidder.frequency import History
from bidder.view import View
from openrtb.request import Request

def by_any_id(view: View, history: History, request: Request) -> None: ...
