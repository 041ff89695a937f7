"""The cluster form of the schema: facts and rollups in shards with replicas, read through tables that span the shards.

A fact or rollup ``T`` is the replicated table ``T_local`` on each node, and ``T`` is all of them together
(Distributed): reports read that. A reporter writes to the node that its address names, into ``T_local``: so all of a
log is in one shard, a batch that is sent again meets its own traces, and the views of that node roll it up. ``batches``
is of a shard, because it is about what reporters sent to it; all else is on every node whole: reports join ``names``
where they are.
"""

import re
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import date

from reporting.rollups import ROLLUPS
from reporting.schema import BATCHES, FACTS, Dialect, Table, View

_SPREAD = frozenset(table.name for table in (*FACTS, *ROLLUPS.values()))
_OF_A_SHARD = _SPREAD | {BATCHES.name}
_LOCAL = re.compile(r"\b(\w+_local)\b")
_REMEMBERED = {
    "replicated_deduplication_window": 10_000,  # blocks …
    "replicated_deduplication_window_seconds": 2_592_000,  # … of the last 30 days: a reporter may be away so long
}


@dataclass(frozen=True)
class Cluster(Dialect):
    cluster: str = ""
    """As ``remote_servers`` in the servers' configuration calls it."""
    database: str = ""

    @classmethod
    def of(cls, base: Dialect, cluster: str, database: str) -> "Cluster":
        values = {field.name: getattr(base, field.name) for field in fields_of(base)}
        kept = {name: value for name, value in base.settings.items() if name != "non_replicated_deduplication_window"}
        values["settings"] = kept | _REMEMBERED if base.settings else {}
        return cls(**values, cluster=cluster, database=database)

    def local(self, name: str) -> str:
        return f"{name}_local" if name in _SPREAD else name

    def creates(self, table: Table) -> list[str]:
        local = self.local(table.name)
        body = self.create(table, local, self._replicated(table)).replace("(\n", f"ON CLUSTER {self.cluster} (\n", 1)
        return [body, *self._spanning(table.name)]

    def drops(self, name: str) -> list[str]:
        both = [name, self.local(name)] if name in _SPREAD else [name]
        return [f"DROP TABLE IF EXISTS {each} ON CLUSTER {self.cluster}{self.now}" for each in both]

    def adds(self, table: Table, column: str) -> list[str]:
        unless = "IF NOT EXISTS " if self.chains else ""  # a step that was cut short is done again
        return self._altered(table, f"ADD COLUMN {unless}`{column}` {self.kind(table.columns[column])}")

    def drops_column(self, table: Table, column: str) -> list[str]:
        return self._altered(table, f"DROP COLUMN {'IF EXISTS ' if self.chains else ''}`{column}`")

    def set(self, table: Table) -> list[str]:
        """Settings are no part of what replicas share."""
        return [
            statement.replace(f"ALTER TABLE {table.name}", self._alter(self.local(table.name)))
            for statement in super().set(table)
        ]

    def create_view(self, view: View) -> str:
        """On another node a name without its database would be looked for in that of the node's default."""
        made = _LOCAL.sub(rf"{self.database}.\1", super().create_view(view))
        return made.replace(" TO ", f" ON CLUSTER {self.cluster} TO ", 1)

    def drop_partition(self, name: str, day: date) -> str:
        return f"ALTER TABLE {self.local(name)} DROP PARTITION '{day.isoformat()}'"

    def update(self, name: str, change: str) -> str:
        return f"{self._alter(self.local(name))} UPDATE {change}"

    def of_all_shards(self, name: str) -> str:
        database, _, table = name.partition(".")
        return f"cluster('{self.cluster}', {database}, {table})"

    def nodes(self) -> str:
        return f"SELECT count() FROM system.clusters WHERE cluster = '{self.cluster}'"

    def catch_up(self) -> str:
        """Before the positions in ``batches`` are believed: another replica may have taken the newest."""
        return f"SYSTEM SYNC REPLICA {self.database}.batches"

    def _altered(self, table: Table, change: str) -> list[str]:
        """What spans the shards is made anew: it holds no data, and not every version can alter it on a cluster."""
        gone = self.drops(table.name)[:1] if table.name in _SPREAD else []
        return [*gone, f"{self._alter(self.local(table.name))} {change}", *self._spanning(table.name)]

    def _spanning(self, name: str) -> list[str]:
        if name not in _SPREAD:
            return []
        made = f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER {self.cluster} AS {self.database}.{self.local(name)}"
        return [f"{made} ENGINE = Distributed({self.cluster}, {self.database}, {self.local(name)})"]

    def _alter(self, name: str) -> str:
        return f"ALTER TABLE {name} ON CLUSTER {self.cluster}"

    def _replicated(self, table: Table) -> str:
        """The table's engine, with where its replicas meet in ZooKeeper or Keeper."""
        shared, replica = ("{shard}", "{replica}") if table.name in _OF_A_SHARD else ("all", "{shard}-{replica}")
        where = f"'/clickhouse/outbid/{self.database}/{shared}/{table.name}', '{replica}'"
        kind, _, argument = self.engine(table).partition("(")
        return f"Replicated{kind}({where}{', ' + argument.rstrip(')') if argument else ''})"
