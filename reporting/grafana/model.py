"""Grafana's dashboard JSON, as far as our dashboards use it: frozen structs that encode to it.

Names of fields are Grafana's (camel case in the JSON), and so is what they mean: see "Dashboard JSON model" in
Grafana's documentation. A field that has its default is left out, and Grafana takes the same default.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

SCHEMA_VERSION = 39
"""Of the JSON: Grafana 10.4's. Newer ones migrate it as they load it."""

Unit = Literal["short", "percentunit", "none", "s", "reqps", "bytes", "locale", "ns", "dateTimeAsIso"]


class Part(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Any object of the JSON."""


class SourceRef(Part, frozen=True):
    """A data source, by its kind and uid."""

    type: str
    uid: str


class SqlTarget(Part, frozen=True, tag_field="editorType", tag="sql"):
    """A query of the ClickHouse plugin (version 4), in its macros and the dashboard's variables."""

    ref_id: str
    datasource: SourceRef
    raw_sql: str
    query_type: Literal["timeseries", "table"]
    format: int
    """0: time series (a column ``time``; columns of text name the series), 1: table."""
    plugin_version: str


class PromTarget(Part, frozen=True, tag_field="editorMode", tag="code"):
    ref_id: str
    datasource: SourceRef
    expr: str
    legend_format: str = ""
    format: Literal["time_series", "table", "heatmap"] = "time_series"
    instant: bool = False
    range: bool = True


Target = SqlTarget | PromTarget


class GridPos(Part, frozen=True):
    """Place in a grid of 24 columns."""

    h: int
    w: int
    x: int
    y: int


class Step(Part, frozen=True, omit_defaults=False):
    """From ``value`` on it has this colour; None: from below."""

    color: str
    value: float | None


class Thresholds(Part, frozen=True, omit_defaults=False):
    mode: Literal["absolute"] = "absolute"
    steps: tuple[Step, ...] = ()


class Text(Part, frozen=True):
    text: str


class ValueMap(Part, frozen=True, tag_field="type", tag="value"):
    """What values are shown as: value -> text."""

    options: dict[str, Text]


class Stacking(Part, frozen=True, omit_defaults=False):
    mode: Literal["none", "normal", "percent"]
    group: str = "A"


class Drawing(Part, frozen=True):
    """How a field of a chart is drawn."""

    draw_style: Literal["line", "bars", "points"] = "line"
    fill_opacity: int = 0
    line_width: int = 1
    show_points: Literal["auto", "never", "always"] = "auto"
    span_nulls: bool = False
    stacking: Stacking | None = None
    axis_label: str = ""
    axis_placement: Literal["auto", "left", "right", "hidden"] = "auto"


class Field(Part, frozen=True):
    """How values look: ``unit`` is one of Grafana's."""

    unit: str = ""
    decimals: int | None = None
    min: float | None = None
    max: float | None = None
    display_name: str = ""
    no_value: str = ""
    thresholds: Thresholds | None = None
    mappings: tuple[ValueMap, ...] = ()
    custom: Drawing | None = None


class Matcher(Part, frozen=True):
    id: Literal["byName", "byRegexp"]
    options: str


class Property(Part, frozen=True):
    id: str
    value: Any


class Override(Part, frozen=True):
    """Columns that look different from the rest."""

    matcher: Matcher
    properties: tuple[Property, ...]


class FieldConfig(Part, frozen=True, omit_defaults=False):
    defaults: Field = Field()
    overrides: tuple[Override, ...] = ()


class Legend(Part, frozen=True, omit_defaults=False):
    display_mode: Literal["list", "table", "hidden"] = "list"
    placement: Literal["bottom", "right"] = "bottom"
    show_legend: bool = True
    calcs: tuple[str, ...] = ()


class Tooltip(Part, frozen=True, omit_defaults=False):
    mode: Literal["single", "multi", "none"] = "multi"
    sort: Literal["none", "asc", "desc"] = "desc"


class SeriesOptions(Part, frozen=True, omit_defaults=False):
    legend: Legend = Legend()
    tooltip: Tooltip = Tooltip()


class ReduceOptions(Part, frozen=True, omit_defaults=False):
    calcs: tuple[str, ...] = ("lastNotNull",)
    fields: str = ""
    values: bool = False


class StatOptions(Part, frozen=True, omit_defaults=False):
    reduce_options: ReduceOptions = ReduceOptions()
    color_mode: Literal["none", "value", "background"] = "none"
    graph_mode: Literal["none", "area"] = "none"
    text_mode: Literal["auto", "value", "value_and_name", "name", "none"] = "auto"
    orientation: Literal["auto", "horizontal", "vertical"] = "auto"
    justify_mode: Literal["auto", "center"] = "auto"


class TableOptions(Part, frozen=True, omit_defaults=False):
    show_header: bool = True
    cell_height: Literal["sm", "md", "lg"] = "sm"


class BarOptions(Part, frozen=True, omit_defaults=False):
    """Bars over the first column."""

    orientation: Literal["auto", "horizontal", "vertical"] = "auto"
    x_field: str = ""
    legend: Legend = Legend()
    tooltip: Tooltip = Tooltip()
    stacking: Literal["none", "normal", "percent"] = "none"
    show_value: Literal["auto", "always", "never"] = "auto"


Options = SeriesOptions | StatOptions | TableOptions | BarOptions


class Panel(Part, frozen=True, kw_only=True):
    id: int = 0
    type: Literal["timeseries", "stat", "table", "barchart", "row"]
    title: str
    description: str = ""
    datasource: SourceRef | None = None
    grid_pos: GridPos = GridPos(h=1, w=24, x=0, y=0)
    targets: tuple[Target, ...] = ()
    field_config: FieldConfig | None = None
    options: Options | None = None
    interval: str = ""
    """The least step between two points (``1m``)."""
    time_from: str = ""
    """A range of its own (``24h``), whatever the dashboard's is."""
    collapsed: bool = False
    """Of rows."""


class Choice(Part, frozen=True, omit_defaults=False):
    text: str
    value: str
    selected: bool = False


class QueryVariable(Part, frozen=True, tag_field="type", tag="query"):
    """Values out of a query of two columns, value and text."""

    name: str
    label: str
    datasource: SourceRef
    query: str
    refresh: Literal[1, 2]
    """1: when the dashboard is loaded, 2: when its range changes too."""
    multi: bool = False
    include_all: bool = False
    sort: int = 0
    current: Choice | None = None


class CustomVariable(Part, frozen=True, tag_field="type", tag="custom"):
    """Values that are listed: ``text : value, …``"""

    name: str
    label: str
    query: str
    options: tuple[Choice, ...]
    current: Choice


Variable = QueryVariable | CustomVariable


class Templating(Part, frozen=True):
    list: tuple[Variable, ...] = ()


class Range(Part, frozen=True):
    """Grafana's words: ``now-7d``, ``now/d`` (the day's beginning or, as an end, its end)."""

    from_: str = msgspec.field(name="from")
    to: str


class Link(Part, frozen=True, tag_field="type", tag="dashboards"):
    """A menu of the dashboards with these tags, which keeps range and variables."""

    title: str
    tags: tuple[str, ...]
    as_dropdown: bool = False
    keep_time: bool = False
    include_vars: bool = False
    icon: str = "external link"
    target_blank: bool = False


class Dashboard(Part, frozen=True):
    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    timezone: Literal["utc", "browser"]
    schema_version: int
    time: Range
    refresh: str
    graph_tooltip: int
    """1: the cross-hair is shared by all panels."""
    templating: Templating
    links: tuple[Link, ...]
    panels: tuple[Panel, ...]
    editable: bool = True


def encoded(dashboard: Dashboard) -> bytes:
    """The JSON that Grafana imports, indented, its keys in the order above."""
    return msgspec.json.format(msgspec.json.encode(dashboard), indent=2) + b"\n"
