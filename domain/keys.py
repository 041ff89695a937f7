"""The deployment's secret keys: made at the first start, kept in ``<data_dir>/keys.json`` (mode 0600), shared by all.

A fleet copies the file to every host, or mounts it as a secret.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Keys:
    seal: bytes
    """16 bytes, AES-128-GCM: seals bid tokens."""
    mac: bytes
    """16 bytes, SipHash: binds a tracker URL to its event kind, and click ids."""
    postback: bytes
    """32 bytes: advertisers' postback secrets are derived from it."""


def load_keys(data_dir: Path) -> Keys:
    """Reads the keys, making them first if this is a new deployment. Safe when several processes start at once."""
    path = data_dir / "keys.json"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        fresh = {"seal": secrets.token_hex(16), "mac": secrets.token_hex(16), "postback": secrets.token_hex(32)}
        draft = data_dir / f".keys.{os.getpid()}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(fresh))
        try:
            os.link(draft, path)  # fails if another process was first: then theirs is the key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    stored = json.loads(path.read_text())
    return Keys(*(bytes.fromhex(stored[name]) for name in ("seal", "mac", "postback")))


def internal_secret(keys: Keys) -> str:
    """What one process of the deployment shows another on a port that the world may reach, too."""
    return hmac.new(keys.postback, b"\0internal", hashlib.sha256).hexdigest()


def forgetting_key(keys: Keys) -> bytes:
    """16 bytes: under it the keys of forgotten persons are hashed (`targeting.forgotten`)."""
    return hmac.new(keys.postback, b"\0forgotten", hashlib.sha256).digest()[:16]


def report_key(keys: Keys) -> bytes:
    """32 bytes: seals the tokens that say whose rows of reports their holders may see (`reporting.scope`)."""
    return hmac.new(keys.postback, b"\0reports", hashlib.sha256).digest()


def postback_secret(keys: Keys, advertiser: str) -> str:
    """The secret with which the advertiser of this key signs server postbacks: 64 hexadecimal digits."""
    return hmac.new(keys.postback, advertiser.encode(), hashlib.sha256).hexdigest()
