from collections.abc import Iterable

import lmdb

def spread(env: lmdb.Environment, txn: lmdb.Transaction[bytes], db: lmdb._Database, keys: Iterable[bytes]) -> None: ...
