"""Operating system, browser and kind of device: from the request's own fields, else from the user agent string.

Values are the few that marketers target (`targeting.dimensions`). Parsing costs about 20 µs with ua-parser's compiled
matcher, so every distinct user agent is parsed once and remembered.
"""

from ua_parser import parse_os, parse_user_agent  # picks the compiled (Rust) matcher where it is installed

from bidder.enrichment.memory import Memory
from domain.naming import name_id
from openrtb.request import Request

MOBILE, PC, TV, PHONE, TABLET = 1, 2, 3, 4, 5
"""OpenRTB list 5.21."""

OS = {
    "ios": "ios", "iphone os": "ios", "ipados": "ios", "iphone": "ios", "ipad": "ios",
    "android": "android",
    "windows": "windows", "windows nt": "windows", "windows phone": "other",
    "macos": "macos", "mac os": "macos", "mac os x": "macos", "os x": "macos", "macintosh": "macos",
    "linux": "linux", "ubuntu": "linux", "debian": "linux", "fedora": "linux",
    "chromeos": "chromeos", "chrome os": "chromeos",
    "tvos": "tvos", "atv os x": "tvos",
}  # fmt: skip
BROWSER = (
    ("samsung", "samsung"), ("edge", "edge"), ("opera", "opera"), ("opr", "opera"), ("webview", "webview"),
    ("ui/wkwebview", "webview"), ("firefox", "firefox"), ("chrom", "chrome"), ("safari", "safari"),
)  # fmt: skip
DEVICE_OF_OS = {"ios": PHONE, "android": PHONE, "windows": PC, "macos": PC, "linux": PC, "chromeos": PC, "tvos": TV}

Parsed = tuple[int, int, int]
"""Name id of the os, name id of the browser, device type; 0 is unknown."""


def os_name(text: str) -> str:
    """An exchange's or a user agent's word for an operating system -> the word that marketers target."""
    low = text.strip().lower()
    return OS.get(low) or OS.get(low.rstrip("0123456789. ")) or "other"


def browser_name(family: str) -> str:
    """A browser family of ua-parser -> the word that marketers target."""
    low = family.lower()
    return next((name for part, name in BROWSER if part in low), "other")


def parse_agent(text: str) -> Parsed:
    """What a user agent string tells; 0 for what it does not."""
    os_found, browser_found = parse_os(text), parse_user_agent(text)
    os = os_name(os_found.family) if os_found else ""
    kind = DEVICE_OF_OS.get(os, 0)
    if kind == PHONE and ("iPad" in text or ("Android" in text and "Mobile" not in text)):
        kind = TABLET
    return name_id(os), name_id(browser_name(browser_found.family) if browser_found else ""), kind


class DeviceModule:
    """Fills os, browser and device type. Without a user agent and ``device.os`` they stay unknown."""

    def __init__(self) -> None:
        parse_agent("Mozilla/5.0")  # the matcher is built at the first call (0.3 s): not while a request waits
        self._agents: Memory[str, Parsed] = Memory(parse_agent)
        self._systems: Memory[str, int] = Memory(lambda text: name_id(os_name(text)))

    def __call__(self, request: Request) -> None:
        os, browser, kind = self._agents[request.user_agent] if request.user_agent else (0, 0, 0)
        if request.os_text:
            os = self._systems[request.os_text]
        if request.device_type:
            kind = request.device_type
        request.set_device(os, browser, kind)
