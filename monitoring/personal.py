"""Taking persons out of text that is to be logged: errors quote what they could not read, and that may name somebody.

Code logs no persons on purpose. This is for what slips in: addresses of networks (but those of one's own), device and
user ids, e-mail addresses, sealed tokens, and values of the request's fields about user and device.
"""

import re
from ipaddress import ip_address, ip_network

_OWN = [
    ip_network(text)
    for text in ("0.0.0.0/32", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
] + [ip_network(text) for text in ("::/127", "fc00::/7", "fe80::/10")]
"""Of machines of a deployment: an operator has to read where a process listens, and whom it cannot reach."""

_ADDRESS = re.compile(
    r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:]))"
)
_PATTERNS = (
    (re.compile(r"(?i)\b(user|device)(\.[\w.\[\]]+)(\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;]+)"), r"\1\2\3[value]"),
    (
        re.compile(
            r"(?i)(?<![\w.])((?:buyer)?u(?:ser_?)?id|ifa|idfa|gaid|eids?|did(?:sha1|md5)|dpid(?:sha1|md5)|mac(?:sha1|md5)"
            r"|person|email|phone)(\"|')?(\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&}\])]+)"
        ),
        r"\1\2\3[value]",
    ),
    (re.compile(r"(?i)\b(person |key:)[0-9a-f]{16}\b"), r"\1[id]"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "[id]"),
    (re.compile(r"(?i)\b[0-9a-f]{32,64}\b"), "[id]"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{60,}"), "[token]"),
)


def without_persons(text: str) -> str:
    """The text with what may name a person replaced by what it was."""
    text = _ADDRESS.sub(lambda found: _masked(found[0]), text)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _masked(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:  # a time of the day, a version
        return text
    return text if any(address in network for network in _OWN) else "[address]"
