"""The schema as a file of statements, for whoever sets a server or a cluster up by hand, or wants to read it.

`outbid store ddl` prints it; deploy/clickhouse/ has it for a current server and for a cluster.
"""

from reporting.cluster import Cluster
from reporting.migrations import tables, views
from reporting.schema import APPLIED, CURRENT, Dialect

_HEAD = """\
-- Written by `{command}` out of reporting/schema.py: do not edit it, write it anew.
-- The reporter makes all of this by itself when it starts.
"""


def statements(dialect: Dialect) -> list[str]:
    """Tables before the views that fill them."""
    made = [statement for table in (*tables(), APPLIED) for statement in dialect.creates(table)]
    return [*made, *map(dialect.create_view, views(dialect))]


def ddl(cluster: str = "", database: str = "outbid") -> str:
    """All of it, for current engines; for a server, or the cluster of that name."""
    command = " ".join(["outbid store ddl", *([f"--cluster {cluster}"] if cluster else []), *_database(database)])
    dialect = Cluster.of(CURRENT, cluster, database) if cluster else CURRENT
    everywhere = f" ON CLUSTER {cluster}" if cluster else ""
    made = [f"CREATE DATABASE IF NOT EXISTS {database}{everywhere}", f"USE {database}", *statements(dialect)]
    return _HEAD.format(command=command) + "".join(f"\n{statement};\n" for statement in made)


def _database(name: str) -> list[str]:
    return [] if name == "outbid" else [f"--database {name}"]
