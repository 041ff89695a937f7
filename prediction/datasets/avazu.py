"""Avazu mobile clicks (the Kaggle challenge's form): CSV with a header, hours, hashed categories."""

from pathlib import Path

import numpy as np

from prediction.datasets.columns import BINARY, Categories, Times, Wrong, labels, written_as
from prediction.datasets.dataset import Dataset
from prediction.datasets.lines import Block, Lines
from prediction.feature_set import Feature, FeatureSet, category
from prediction.rows import Rows, rows

SECOND = 1_000_000_000
HOUR = 3600 * SECOND

REQUEST = (
    "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category", "device_id",
    "device_ip", "device_model", "device_type", "device_conn_type", "C15", "C16", "C18", "C20",
)  # fmt: skip
CANDIDATE = ("C14", "C17", "C19", "C21")
"""What the advertisement is known by, as those who studied the data found: C14 and C17 change with it."""

NO_SITE, NO_APP, NO_DEVICE = "85f751fd", "ecad2386", "a99f214a"
"""What stands where an impression is in an app, on a site, or without an identifier of the device."""

FEATURES = FeatureSet(
    "avazu",
    1,
    (
        *(Feature(name, "category", "request") for name in REQUEST),
        Feature("hour", "category", "request", doc="hour of the day, UTC"),
        Feature("weekday", "category", "request"),
        Feature("place", "category", "request", doc="the site, or the app where it is one"),
        Feature("person", "category", "request", doc="the device; address and model where it has no identifier"),
        *(Feature(name, "category", "candidate") for name in CANDIDATE),
    ),
    crosses=(("place", "C14"), ("place", "C17"), ("device_model", "C14"), ("place", "device_conn_type")),
)

COLUMNS = (
    "id", "click", "hour", "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain",
    "app_category", "device_id", "device_ip", "device_model", "device_type", "device_conn_type", "C14", "C15", "C16",
    "C17", "C18", "C19", "C20", "C21",
)  # fmt: skip


class Avazu(Dataset):
    """The rows of such a file."""

    def __init__(self, path: Path) -> None:
        lines = Lines(path, ",", names=COLUMNS, header=True, needed=("click", "hour", *REQUEST, *CANDIDATE))
        super().__init__(lines, FEATURES)
        self._categories = {name: Categories() for name in (*REQUEST, *CANDIDATE, "place", "person")}
        self._times = Times(written_as("%y%m%d%H"))

    def parsed(self, block: Block, wrong: Wrong) -> Rows:
        label = labels("click", block["click"], wrong, BINARY)
        time_ns = self._times("hour", block["hour"], wrong)
        columns = {name: self._categories[name](block[name]) for name in (*REQUEST, *CANDIDATE)}
        hours = time_ns // HOUR
        columns["hour"] = _HOURS[hours % 24]
        columns["weekday"] = _WEEKDAYS[(hours // 24 + 3) % 7]
        places = zip(block["site_id"], block["app_id"], strict=True)
        columns["place"] = self._categories["place"]([app if site == NO_SITE else site for site, app in places])
        people = zip(block["device_id"], block["device_ip"], block["device_model"], strict=True)
        columns["person"] = self._categories["person"](
            [f"{address} {model}" if device == NO_DEVICE else device for device, address, model in people]
        )
        return rows(np.stack([columns[feature.name] for feature in FEATURES.features], axis=1), label, time_ns=time_ns)


_HOURS = np.array([category(hour) for hour in range(24)], dtype=np.uint32)
_WEEKDAYS = np.array([category(day) for day in range(7)], dtype=np.uint32)
