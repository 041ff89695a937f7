"""iPinYou real-time bidding (the form of the public benchmark's tools): impressions with clicks, tabs between fields.

Prices are known of the impressions that were won; they are no features. A person's tags are features one by one.
"""

from pathlib import Path

import numpy as np

from prediction.datasets.columns import BINARY, Categories, Times, Wrong, floats, labels, written_as
from prediction.datasets.dataset import Dataset
from prediction.datasets.lines import Block, Lines
from prediction.feature_set import Feature, FeatureSet, category, numbers
from prediction.rows import Rows, rows

COLUMNS = (
    "click", "weekday", "hour", "bidid", "timestamp", "logtype", "ipinyouid", "useragent", "IP", "region", "city",
    "adexchange", "domain", "url", "urlid", "slotid", "slotwidth", "slotheight", "slotvisibility", "slotformat",
    "slotprice", "creative", "bidprice", "payprice", "keypage", "advertiser", "usertag",
)  # fmt: skip

REQUEST = (
    "weekday", "hour", "useragent", "region", "city", "adexchange", "domain", "url", "slotid", "slotvisibility",
    "slotformat", "keypage", "IP",
)  # fmt: skip

TAGS = (
    "10006", "10024", "10031", "10048", "10052", "10057", "10059", "10063", "10067", "10074", "10075", "10076",
    "10077", "10079", "10083", "10093", "10102", "10110", "10111", "10114", "10115", "10116", "10117", "10118",
    "10120", "10123", "10125", "10126", "10127", "10129", "10130", "10131", "10133", "10138", "10140", "10142",
    "10145", "10146", "10147", "10148", "10149", "10684", "11092", "11278", "11379", "11423", "11512", "11576",
    "11632", "11680", "11724", "11944", "13042", "13403", "13496", "13678", "13776", "13800", "13866", "13874",
    "14273", "15398", "16593", "16617", "16661", "16706", "16751", "16753",
)  # fmt: skip
"""Interests, of the published list of the person's long-term and in-market segments."""

DEMOGRAPHY = ("10110", "10111")
"""Tags that tell male and female."""

FEATURES = FeatureSet(
    "ipinyou",
    1,
    (
        *(Feature(name, "category", "request") for name in REQUEST),
        Feature("size", "category", "request", doc="width x height of the slot"),
        Feature("floor", "number", "request", doc="of the slot, CPM in fen"),
        Feature("tags", "number", "request", doc="how many tags the person has"),
        *(Feature(f"tag_{tag}", "category", "request", protected=tag in DEMOGRAPHY) for tag in TAGS),
        Feature("advertiser", "category", "candidate"),
        Feature("creative", "category", "candidate"),
    ),
    crosses=(("domain", "creative"), ("size", "creative"), ("slotid", "advertiser")),
)

EMPTY = ("", "null", "Na")


class Ipinyou(Dataset):
    """The rows of such a file."""

    def __init__(self, path: Path) -> None:
        needed = ("click", "timestamp", "slotwidth", "slotheight", "slotprice", "creative", "advertiser", "usertag")
        lines = Lines(path, "\t", names=COLUMNS, header=True, needed=(*needed, *REQUEST), quoted=False)
        super().__init__(lines, FEATURES)
        self._categories = {name: Categories(EMPTY) for name in (*REQUEST, "advertiser", "creative", "size")}
        self._times = Times(written_as("%Y%m%d%H%M%S"))

    def parsed(self, block: Block, wrong: Wrong) -> Rows:
        label = labels("click", block["click"], wrong, BINARY)
        time_ns = self._times("timestamp", [text[:14] for text in block["timestamp"]], wrong)
        columns = {name: self._categories[name](block[name]) for name in (*REQUEST, "advertiser", "creative")}
        sizes = zip(block["slotwidth"], block["slotheight"], strict=True)
        columns["size"] = self._categories["size"]([f"{width}x{height}" for width, height in sizes])
        columns["floor"] = numbers(floats("slotprice", block["slotprice"], wrong, EMPTY))
        tags = [frozenset(text.split(",")) - frozenset(EMPTY) for text in block["usertag"]]
        columns["tags"] = numbers([len(had) for had in tags])
        for tag in TAGS:
            columns[f"tag_{tag}"] = np.array([_HAS if tag in had else 0 for had in tags], dtype=np.uint32)
        values = np.stack([columns[feature.name] for feature in FEATURES.features], axis=1)
        segment = {"advertiser": columns["advertiser"], "exchange": columns["adexchange"]}
        return rows(values, label, time_ns=time_ns, segment=segment)


_HAS = category(1)
