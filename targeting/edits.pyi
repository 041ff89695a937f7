from collections.abc import Iterable

import lmdb

from targeting.forgotten import Forgotten
from targeting.people import Edit
from targeting.record_editor import Editor

class Impression:
    def __init__(
        self,
        at_s: int,
        campaign: int,
        line_item: int,
        advertiser: int = 0,
        creative: int = 0,
        relates: bool = True,
    ) -> None: ...
    def __call__(self, editor: Editor) -> None: ...

def apply_edits(
    txn: lmdb.Transaction[bytes],
    db: lmdb._Database,
    editor: Editor,
    edits: Iterable[tuple[int, Edit]],
    split: set[bytes],
    forgotten: Forgotten,
) -> tuple[list[int], set[int]]: ...
