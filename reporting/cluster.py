"""The cluster form of the schema: facts and rollups in shards with replicas, read through tables that span the shards.

A fact or rollup ``T`` is the replicated table ``T_local`` on each node, and ``T`` is all of them together
(Distributed): reports read that. A reporter writes to the node that its address names, into ``T_local``: so all of a
log is in one shard, a batch that is sent again meets its own traces, and the views of that node roll it up. ``batches``
is of a shard, because it is about what reporters sent to it; ``names`` and ``migrations`` are on every node whole:
reports join names where they are.
"""

from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import date

from reporting.rollups import ROLLUPS
from reporting.schema import APPLIED, FACTS, NAMES, Dialect, Table, View

_SPREAD = frozenset(table.name for table in (*FACTS, *ROLLUPS.values()))
_EVERYWHERE = (NAMES, APPLIED)
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

    def parts(self, table: Table) -> str:
        """Of all shards, one replica each."""
        where = f"active AND database = '{self.database}' AND table = '{self.local(table.name)}'"
        return f"FROM cluster('{self.cluster}', system, parts) WHERE {where}"

    def creates(self, table: Table) -> list[str]:
        local = self.local(table.name)
        body = self.create(table, local, self._replicated(table)).replace("(\n", f"ON CLUSTER {self.cluster} (\n", 1)
        if local == table.name:
            return [body]
        spanning = f"CREATE TABLE IF NOT EXISTS {table.name} ON CLUSTER {self.cluster} AS {self.database}.{local}"
        return [body, f"{spanning} ENGINE = Distributed({self.cluster}, {self.database}, {local})"]

    def drops(self, name: str) -> list[str]:
        both = [name, self.local(name)] if name in _SPREAD else [name]
        return [f"DROP TABLE IF EXISTS {each} ON CLUSTER {self.cluster}{self.now}" for each in both]

    def adds(self, table: Table, column: str) -> list[str]:
        kind = self.kind(table.columns[column])
        unless = "IF NOT EXISTS " if self.chains else ""  # half of it can be done already
        return [f"{self._alter(each)} ADD COLUMN {unless}`{column}` {kind}" for each in self._both(table.name)]

    def drops_column(self, table: Table, column: str) -> list[str]:
        unless = "IF EXISTS " if self.chains else ""
        return [f"{self._alter(each)} DROP COLUMN {unless}`{column}`" for each in self._both(table.name)[::-1]]

    def set(self, table: Table) -> list[str]:
        """Settings are no part of what replicas share."""
        return [
            statement.replace(f"ALTER TABLE {table.name}", self._alter(self.local(table.name)))
            for statement in super().set(table)
        ]

    def create_view(self, view: View) -> str:
        return super().create_view(view).replace(" TO ", f" ON CLUSTER {self.cluster} TO ", 1)

    def drop_partition(self, name: str, day: date) -> str:
        return f"ALTER TABLE {self.local(name)} DROP PARTITION '{day.isoformat()}'"

    def catch_up(self) -> str:
        """Before the positions in ``batches`` are believed: another replica may have taken the newest."""
        return f"SYSTEM SYNC REPLICA {self.database}.batches"

    def _both(self, name: str) -> list[str]:
        return [self.local(name), name] if name in _SPREAD else [name]

    def _alter(self, name: str) -> str:
        return f"ALTER TABLE {name} ON CLUSTER {self.cluster}"

    def _replicated(self, table: Table) -> str:
        """The table's engine, with where its replicas meet in ZooKeeper or Keeper."""
        shared, replica = ("all", "{shard}-{replica}") if table in _EVERYWHERE else ("{shard}", "{replica}")
        where = f"'/clickhouse/outbid/{self.database}/{shared}/{table.name}', '{replica}'"
        kind, _, argument = self.engine(table).partition("(")
        return f"Replicated{kind}({where}{', ' + argument.rstrip(')') if argument else ''})"
