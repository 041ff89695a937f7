from collections.abc import Mapping, Sequence
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
    """Lists, as far as black ones go."""

    @property
    def tables(self) -> tuple[KeyTable, ...]:
        """Of keys, as they were written last."""

    @property
    def changed(self) -> Mapping[int, object]:
        """Keys that were changed since."""

    @property
    def addresses(self) -> dict[str, bool]:
        """By address whether a list may name it; one that is missing is found out when it is asked for."""

    def is_black(self, keys: Sequence[int], ip: str | None, now_s: int) -> bool: ...

class Worth:
    risk: str
    credit: str
    def __init__(self, risk: str = "profile", credit: str = "profile") -> None: ...
    @property
    def remote(self) -> int: ...
    def use_risk(self, people: KeyTable | None) -> None: ...
    def use_lists(self, lists: BlackLists) -> None: ...
    def use_credit(self, people: KeyTable | None) -> None: ...
    def tell(self, risk: tuple[int, int, int] | None, credit: tuple[int, int, float, float] | None) -> None: ...

def judge(c: Candidates, view: View, worth: Worth, r: Request) -> int: ...
