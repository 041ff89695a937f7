"""User agents as browsers of late 2024 send them (with version numbers frozen where the browsers freeze them)."""

from dataclasses import dataclass

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS_CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/130.0.0.0 Safari/537.36"
MAC_SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
APPLE_MOBILE = "CPU {} 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; " + APPLE_MOBILE.format("iPhone OS")
IPAD = "Mozilla/5.0 (iPad; " + APPLE_MOBILE.format("OS")


@dataclass(frozen=True)
class Agent:
    """A device and its browser, as a request describes them."""

    ua: str
    device_type: int
    """List 5.21: 2 personal computer, 4 telephone, 5 tablet."""
    os: str
    version: str
    make: str
    app: bool
    """Met in apps; else on the web."""
    weight: float
    """Share among the devices of the web, or of apps; our choice."""


AGENTS = (
    Agent(WINDOWS_CHROME, 2, "Windows", "10", "", False, 0.40),
    Agent(f"{WINDOWS_CHROME} Edg/130.0.0.0", 2, "Windows", "10", "", False, 0.12),
    Agent(f"{MAC_SAFARI} Version/17.6 Safari/605.1.15", 2, "macOS", "10.15.7", "Apple", False, 0.14),
    Agent("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", 2, "Linux", "", "", False, 0.04),
    Agent(
        f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/130.0.0.0 Mobile Safari/537.36",
        4, "Android", "10", "", False, 0.18,
    ),
    Agent(f"{IPHONE} Version/17.6 Mobile/15E148 Safari/604.1", 4, "iOS", "17.6", "Apple", False, 0.12),
    Agent(
        f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {WEBKIT} Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        4, "Android", "14", "Google", True, 0.55,
    ),
    Agent(f"{IPHONE} Mobile/15E148", 4, "iOS", "17.6", "Apple", True, 0.35),
    Agent(f"{IPAD} Mobile/15E148", 5, "iPadOS", "17.6", "Apple", True, 0.10),
)  # fmt: skip
