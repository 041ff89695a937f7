"""Panels, and how they are laid out: a dashboard is rows of panels that share its width."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from reporting.grafana.model import (
    SCHEMA_VERSION,
    BarOptions,
    Choice,
    CustomVariable,
    Dashboard,
    Drawing,
    Field,
    FieldConfig,
    GridPos,
    Legend,
    Link,
    Matcher,
    Override,
    Panel,
    PromTarget,
    Property,
    QueryVariable,
    Range,
    SeriesOptions,
    SourceRef,
    SqlTarget,
    Stacking,
    StatOptions,
    TableOptions,
    Target,
    Templating,
    Text,
    Unit,
    ValueMap,
    Variable,
)
from reporting.grafana.sql import METRICS, names_of

REPORTS = SourceRef(type="grafana-clickhouse-datasource", uid="outbid-reports")
MONITORING = SourceRef(type="prometheus", uid="outbid-metrics")
PLUGIN_VERSION = "4.0.0"
"""Of the ClickHouse plugin: queries are written for this one and later ones."""
TAG = "outbid"
_WIDTH = 24
_CLAUSE = re.compile(r" (?=(?:FROM|WHERE|GROUP BY|HAVING|ORDER BY|UNION ALL|ANY LEFT JOIN|ARRAY JOIN) |AND \$__)")
_BY_NAME = "${__field.labels.series}"


def over_time(sql: str) -> SqlTarget:
    return SqlTarget(
        ref_id="A",
        datasource=REPORTS,
        raw_sql=_CLAUSE.sub("\n", sql),  # for people who look at it in Grafana
        query_type="timeseries",
        format=0,
        plugin_version=PLUGIN_VERSION,
    )


def rows(sql: str) -> SqlTarget:
    return replace(over_time(sql), query_type="table", format=1)


def expressions(*told: tuple[str, str]) -> tuple[PromTarget, ...]:
    """Of (expression, legend)."""
    return tuple(
        PromTarget(ref_id=chr(ord("A") + place), datasource=MONITORING, expr=expr, legend_format=legend)
        for place, (expr, legend) in enumerate(told)
    )


def chart(
    title: str,
    told: str | Sequence[tuple[str, str]],
    unit: Unit = "short",
    description: str = "",
    *,
    stacked: bool = False,
    named: bool = False,
    interval: str = "",
    mappings: Mapping[str, str] | None = None,
) -> Panel:
    """Lines over time, of SQL or of PromQL with legends; ``named``: the column ``series`` names them."""
    sql = isinstance(told, str)
    targets: tuple[Target, ...] = (over_time(told),) if isinstance(told, str) else expressions(*told)
    drawing = Drawing(
        fill_opacity=30 if stacked else 8,
        stacking=Stacking(mode="normal") if stacked else None,
    )
    look = Field(unit=unit, min=0, display_name=_BY_NAME if named and sql else "", custom=drawing)
    return Panel(
        type="timeseries",
        title=title,
        description=description,
        datasource=REPORTS if sql else MONITORING,
        targets=targets,
        field_config=FieldConfig(defaults=look, overrides=_renamed(mappings or {})),
        options=SeriesOptions(),
        interval=interval,
    )


def figures(title: str, told: str | Sequence[tuple[str, str]], metrics: Iterable[str] = (), description: str = "",
            unit: Unit = "short") -> Panel:  # fmt: skip
    """Big numbers: one for each column of the only row, or for each expression."""
    sql = isinstance(told, str)
    targets: tuple[Target, ...] = (
        (rows(told),)
        if isinstance(told, str)
        else tuple(replace(target, instant=True, range=False) for target in expressions(*told))
    )
    return Panel(
        type="stat",
        title=title,
        description=description,
        datasource=REPORTS if sql else MONITORING,
        targets=targets,
        field_config=FieldConfig(defaults=Field(unit=unit, no_value="0"), overrides=columns_of(metrics)),
        options=StatOptions(),
    )


def table(
    title: str,
    sql: str,
    metrics: Iterable[str] = (),
    description: str = "",
    *,
    words: Mapping[str, Mapping[int, str]] | None = None,
    more: tuple[Override, ...] = (),
) -> Panel:
    """``words``: column -> what its numbers are shown as."""
    shown = tuple(
        Override(
            matcher=Matcher(id="byName", options=column),
            properties=(
                Property(id="mappings", value=[ValueMap(options={str(n): Text(text=t) for n, t in texts.items()})]),
            ),
        )
        for column, texts in (words or {}).items()
    )
    return Panel(
        type="table",
        title=title,
        description=description,
        datasource=REPORTS,
        targets=(rows(sql),),
        field_config=FieldConfig(overrides=(*columns_of(metrics), *shown, *more)),
        options=TableOptions(),
    )


def bars(title: str, sql: str, x: str, unit: Unit = "short", description: str = "") -> Panel:
    """A bar for each row: ``x`` is its label, the others its values."""
    return Panel(
        type="barchart",
        title=title,
        description=description,
        datasource=REPORTS,
        targets=(rows(sql),),
        field_config=FieldConfig(defaults=Field(unit=unit, min=0, custom=None)),
        options=BarOptions(x_field=x, legend=Legend(show_legend=False, display_mode="hidden")),
    )


def columns_of(metrics: Iterable[str]) -> tuple[Override, ...]:
    """Titles, units and digits of columns that are metrics."""
    return tuple(column(name, METRICS[name].title, METRICS[name].unit) for name in metrics)


def column(name: str, title: str, unit: Unit, decimals: int | None = None) -> Override:
    properties = [Property(id="displayName", value=title), Property(id="unit", value=unit)]
    if decimals is None and unit in ("none", "percentunit"):
        decimals = 2
    if decimals is not None:
        properties.append(Property(id="decimals", value=decimals))
    return Override(matcher=Matcher(id="byName", options=name), properties=tuple(properties))


def _renamed(mappings: Mapping[str, str]) -> tuple[Override, ...]:
    return tuple(
        Override(matcher=Matcher(id="byName", options=name), properties=(Property(id="displayName", value=title),))
        for name, title in mappings.items()
    )


@dataclass(frozen=True)
class Board:
    """A dashboard before it is laid out. Each row's panels share the width evenly and have its height."""

    uid: str
    title: str
    description: str
    rows: tuple[tuple[int, tuple[Panel, ...]], ...]
    """(height, panels)"""
    variables: tuple[Variable, ...] = ()
    since: str = "now-7d"
    refresh: str = "1m"
    until: str = field(default="now")

    def needs_metrics(self) -> bool:
        """Nothing of it can be shown without Prometheus."""
        return all(panel.datasource == MONITORING for _, panels in self.rows for panel in panels)

    def without_metrics(self) -> "Board":
        """What of it can be shown without Prometheus."""
        kept = ((height, tuple(p for p in panels if p.datasource != MONITORING)) for height, panels in self.rows)
        return Board(
            self.uid,
            self.title,
            self.description,
            tuple((height, panels) for height, panels in kept if panels),
            self.variables,
            self.since,
            self.refresh,
            self.until,
        )

    def laid_out(self) -> Dashboard:
        placed: list[Panel] = []
        y = 0
        for height, panels in self.rows:
            width, x = _WIDTH // len(panels), 0
            for panel in panels:
                at = GridPos(h=height, w=width, x=x, y=y)
                placed.append(replace(panel, id=len(placed) + 1, grid_pos=at))
                x += width
            y += height
        return Dashboard(
            uid=self.uid,
            title=self.title,
            description=self.description,
            tags=(TAG,),
            timezone="utc",
            schema_version=SCHEMA_VERSION,
            time=Range(from_=self.since, to=self.until),
            refresh=self.refresh,
            graph_tooltip=1,
            templating=Templating(list=self.variables),
            links=(Link(title="Outbid", tags=(TAG,), as_dropdown=True, keep_time=True, include_vars=True),),
            panels=tuple(placed),
        )


def ids(dimension: str) -> QueryVariable:
    """A choice among all that have a name: several, or all."""
    return QueryVariable(
        name=dimension,
        label=dimension.replace("_", " "),
        datasource=REPORTS,
        query=names_of(dimension),
        refresh=1,
        multi=True,
        include_all=True,
        current=Choice(text="All", value="$__all", selected=True),
    )


def grain(chosen: str = "hour") -> CustomVariable:
    """Which rollup: kept for a day, 90 days, and for ever."""
    options = tuple(Choice(text=name, value=name, selected=name == chosen) for name in ("minute", "hour", "day"))
    return CustomVariable(
        name="grain",
        label="by",
        query=",".join(choice.value for choice in options),
        options=options,
        current=next(choice for choice in options if choice.selected),
    )


CURRENCIES = QueryVariable(
    name="currency",
    label="currency",
    datasource=REPORTS,
    query="SELECT DISTINCT argMax(currency, version) AS code FROM names WHERE dimension = 'advertiser' GROUP BY id"
    " ORDER BY code",
    refresh=1,
)
"""Of the accounts: money in several currencies is never added up."""
