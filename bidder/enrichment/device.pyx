"""Operating system, browser and kind of device: from the request's own fields, else from the user agent string.

Values are the few that marketers target (`targeting.dimensions`). Parsing costs about 20 µs with ua-parser's compiled
matcher, so every distinct user agent is parsed once and remembered.
"""

from ua_parser import parse_os, parse_user_agent  # picks the compiled (Rust) matcher where it is installed

from openrtb.request cimport Request

from bidder.enrichment.memory import Memory
from domain.naming import name_id

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
}
BROWSER = (
    ("samsung", "samsung"), ("edge", "edge"), ("opera", "opera"), ("opr", "opera"), ("webview", "webview"),
    ("ui/wkwebview", "webview"), ("firefox", "firefox"), ("chrom", "chrome"), ("safari", "safari"),
)
DEVICE_OF_OS = {"ios": PHONE, "android": PHONE, "windows": PC, "macos": PC, "linux": PC, "chromeos": PC, "tvos": TV}


def os_name(str text):
    """An exchange's or a user agent's word for an operating system -> the word that marketers target."""
    low = text.strip().lower()
    return OS.get(low) or OS.get(low.rstrip("0123456789. ")) or "other"


def browser_name(str family):
    """A browser family of ua-parser -> the word that marketers target."""
    low = family.lower()
    for part, name in BROWSER:
        if part in low:
            return name
    return "other"


def parse_agent(str text):
    """What a user agent string tells: name id of the os, name id of the browser, device type; 0 for what it does not."""
    os_found, browser_found = parse_os(text), parse_user_agent(text)
    os = os_name(os_found.family) if os_found else ""
    kind = DEVICE_OF_OS.get(os, 0)
    if kind == PHONE and ("iPad" in text or ("Android" in text and "Mobile" not in text)):
        kind = TABLET
    return name_id(os), name_id(browser_name(browser_found.family) if browser_found else ""), kind


cdef class DeviceModule:
    """Fills os, browser and device type. Without a user agent and ``device.os`` they stay unknown."""

    cdef object agents, systems

    def __init__(self):
        parse_agent("Mozilla/5.0")  # the matcher is built at the first call (0.3 s): not while a request waits
        self.agents = Memory(parse_agent)
        self.systems = Memory(lambda text: name_id(os_name(text)))

    def __call__(self, Request r not None):
        cdef tuple told
        r.os = r.browser = 0
        if r.user_agent:
            told = self.agents[r.user_agent]
            r.os, r.browser = told[0], told[1]
            if not r.device_type:
                r.device_type = told[2]
        if r.os_text:
            r.os = self.systems[r.os_text]
