from collections.abc import Sequence
from typing import Protocol

from bidder.candidates import Candidates
from bidder.view import View
from cython_ext.key_table import KeyTable
from openrtb.request import Request

OFF: str
PROFILE: str
IN_PROCESS: str
REMOTE: str
MODES: tuple[str, ...]

class BlackLists(Protocol):
    def is_black(self, keys: Sequence[int], ip: str | None, institution: int, now_s: int) -> bool: ...

class Worth:
    risk: str
    credit: str
    def __init__(self, risk: str = "profile", credit: str = "profile") -> None: ...
    @property
    def remote(self) -> int: ...
    def use_risk(self, people: KeyTable | None, lists: BlackLists | None = None, institution: int = 0) -> None: ...
    def use_credit(self, people: KeyTable | None) -> None: ...
    def tell(self, risk: tuple[int, int, int] | None, credit: tuple[int, int, float, float] | None) -> None: ...

def judge(c: Candidates, view: View, worth: Worth, r: Request) -> int: ...
