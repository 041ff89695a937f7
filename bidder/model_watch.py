"""Puts in service what `prediction.registry` says, while requests are decided: looked at four times a second.

A model is read and checked by a thread, and exchanged between two requests. One that cannot be used changes nothing:
the worker goes on with what it has, says so in the log, its metrics and ``/ready``, and tries again when something
changes, and now and then.
"""

import asyncio
import logging
import time
from pathlib import Path

from bidder.models import LIVE, Models
from bidder.pricing.landscape import Shading
from prediction import corrections
from prediction.artefact import Damaged, describe, load, load_model
from prediction.features import BID
from prediction.landscape import PriceLandscape
from prediction.registry import NONE, Pointers, Registry
from prediction.scorer import Scorer

LOOK_S = 0.25
AGAIN_S = 5.0
"""After which a model that could not be used is tried once more."""
SHADOW = "shadow"
SHADOWED = "ctr"
"""Of this target the shadow's model is asked, too."""
PRICE = "price"
"""Target of the landscape that first-price bids are shaded by."""

Stamp = tuple[int, int, int] | None
"""What tells one state of a file from another; None: there is none."""

log = logging.getLogger(__name__)


class ModelWatch:
    """Of one worker. ``trouble``: what is wrong, by role: ``ctr``, ``cvr``, ``price``, ``shadow``, or ``registry``."""

    def __init__(self, data: Path, models: Models, shading: Shading | None = None) -> None:
        self.registry, self.models, self.shading = Registry(data), models, shading or Shading()
        self.trouble: dict[str, str] = {}
        self.refused = 0
        """Models that could not be used, each once a change."""
        self.swapped = 0
        self._seen: tuple[Stamp, ...] | None = None
        self._in_use: dict[str, tuple[int, Stamp]] = {}
        """By role: version, and which corrections it is moved by."""
        self._again_s = 0.0

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Makes what is in use what it should be, if anything changed since the last look."""
        moved = {target: stamp(self.registry.directory / target / corrections.FILE) for target in LIVE}
        now, files = time.monotonic(), (stamp(self.registry.pointers_file), *moved.values())
        if files == self._seen and not (self.trouble and now >= self._again_s):
            return
        self._seen, self._again_s = files, now + AGAIN_S
        try:
            pointers = self.registry.pointers()
        except (Damaged, OSError) as error:
            self._failed("registry", str(error))
            return
        self.trouble.pop("registry", None)
        for role, target, version in wanted(pointers):
            asked = (version, moved[target] if version and role in LIVE else None)
            in_use = self._in_use.get(role, (NONE, None))
            if in_use == asked:
                self.trouble.pop(role, None)
                continue
            try:
                if role == PRICE:
                    path = self.registry.path(target, version)
                    self.shading.use(await asyncio.to_thread(landscape, path) if version else None, version)
                else:
                    scorer = await asyncio.to_thread(usable, self.registry.path(target, version)) if version else None
                    if scorer is not None and role != SHADOW:
                        scorer = await asyncio.to_thread(moved_by, scorer, version, self.registry.directory / target)
                    self.models.put(role, scorer, version)
            except Exception as error:  # whatever lies there, the worker goes on with what it has
                self._failed(role, f"{target} {version}: {error or type(error).__name__}")
                continue
            self.trouble.pop(role, None)
            if version != in_use[0]:
                self.swapped += 1
                log.info("%s: model %s after %s", role, version or "none", in_use[0] or "none")
            self._in_use[role] = asked

    def _failed(self, role: str, why: str) -> None:
        if self.trouble.get(role) != why:
            self.refused += 1
            log.error("a model cannot be used, and nothing is changed: %s", why)
        self.trouble[role] = why


def stamp(file: Path) -> Stamp:
    """Of a file as it is now."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def moved_by(scorer: Scorer, version: int, directory: Path) -> Scorer:
    """The model, put right by what was seen since; if that cannot be read, as it was trained."""
    try:
        return corrections.applied(scorer, version, directory)
    except (Damaged, OSError) as error:
        log.error("the model goes on as it was trained: %s", error)
        return scorer


def wanted(pointers: Pointers) -> list[tuple[str, str, int]]:
    """(role, target, version) of all that a bidder has in use."""
    live = [(target, target, pointers.live.get(target, NONE)) for target in (*LIVE, PRICE)]
    return [*live, (SHADOW, SHADOWED, pointers.shadow.get(SHADOWED, NONE))]


def landscape(directory: Path) -> PriceLandscape:
    """Raises Damaged, OSError."""
    found = load_model(directory)
    if not isinstance(found, PriceLandscape):
        kind = getattr(found, "TYPE", "?")
        raise Damaged(f"{directory}: model.type: {kind} is not allowed; {PriceLandscape.TYPE} is")
    return found


def usable(directory: Path) -> Scorer:
    """The model, if it was made for the features that this bidder works out. Raises Damaged, OSError."""
    told = describe(directory).feature_set
    if told is None or (told.name, told.version) != (BID.name, BID.version) or told.features != BID.features:
        which = "none" if told is None else f"{told.name} {told.version}"
        raise Damaged(f"{directory}: feature_set: {which} is not allowed; {BID.name} {BID.version}, as it is here, is")
    return load(directory)
