"""What holds for every test: settings of the machine stay out, and a skip in CI is a failure."""

import os

import pytest
from hypothesis import HealthCheck, settings

# How fast an example ran says something about the machine, not about Outbid.
settings.register_profile("outbid", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("outbid")

for _name in [name for name in os.environ if name.startswith("OUTBID_")]:
    del os.environ[_name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]"):  # type: ignore[no-untyped-def]
    """A test is skipped for want of a server. In CI they must be there, so there it fails and names what is missing."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {call.excinfo.value if call.excinfo else item.name}"
    return report
