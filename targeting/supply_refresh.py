"""Bringing the store of seller files up to date: which files are due, and what is kept of each answer.

A file that could be read is good for `Policy.keep_s` (seven days, as ads.txt 1.1 advises), whatever happens to it on
the web meanwhile, and is looked at again after `Policy.again_s`. One that fails is tried again sooner, later each
time.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from openrtb.ads_txt import domain_in, parse_ads_txt
from openrtb.sellers_json import Unreadable, parse_sellers_json
from targeting import sellers
from targeting.seller_files import File, Kind, SellerFiles
from targeting.web_files import Answer, Fetcher, root_domain

log = logging.getLogger(__name__)

RELATIONSHIPS = {"RESELLER": sellers.RESELLER, "DIRECT": sellers.DIRECT}
TYPES = {"PUBLISHER": sellers.PUBLISHER, "INTERMEDIARY": sellers.INTERMEDIARY, "BOTH": sellers.BOTH}
SELLERS_JSON_BYTES = 256 << 20
BATCH = 64
"""Files written in a transaction."""


@dataclass(frozen=True)
class Policy:
    """How old things may be, in seconds."""

    keep_s: int = 7 * 86_400
    """A good copy counts for so long."""
    again_s: int = 86_400
    """A file is looked at again after so long."""
    retry_s: int = 3_600
    """One that failed is; twice as long after each further failure, up to ``again_s``."""


@dataclass(frozen=True)
class Wanted:
    """What requests will ask for."""

    sites: frozenset[str] = frozenset()
    """Domains."""
    apps: frozenset[tuple[str, str]] = frozenset()
    """Bundle (or empty), and the developer's domain as the app's store names it."""
    systems: frozenset[str] = frozenset()
    """Advertising systems whose sellers.json is wanted."""

    def __or__(self, other: "Wanted") -> "Wanted":
        return Wanted(self.sites | other.sites, self.apps | other.apps, self.systems | other.systems)


@dataclass
class Summary:
    """What one run came to, in files."""

    read: int = 0
    unchanged: int = 0
    absent: int = 0
    failed: int = 0
    not_due: int = 0
    aliases: int = 0


UrlsOf = Callable[[str, str], list[str]]


def urls_of(kind: str, domain: str) -> list[str]:
    """Where a file is to be: by https, else by http."""
    return [f"{scheme}://{domain}/{kind}" for scheme in ("https", "http")]


class Refresh:
    """One run over everything that is wanted."""

    def __init__(
        self, store: SellerFiles, fetcher: Fetcher, policy: Policy, now_s: Callable[[], int], where: UrlsOf = urls_of
    ) -> None:
        self.store, self.fetcher, self.policy, self.now_s, self.where = store, fetcher, policy, now_s, where
        self.summary = Summary()
        self._changes: list[tuple[File, bytes | None]] = []

    async def run(self, wanted: Wanted, *, force: bool = False) -> Summary:
        """Root domains first: their files say which sub-domains have files of their own. ``force``: due or not."""
        apps = {domain for _, domain in wanted.apps}
        asked: tuple[tuple[Kind, Iterable[str]], ...] = ("ads.txt", wanted.sites), ("app-ads.txt", apps)
        for kind, names in asked:
            roots = {root for name in names if (root := root_domain(name))}
            own = await self._with_sub_domains(kind, roots, names, force)
            partners = self._partners(kind, roots | own)
            await self._with_sub_domains(kind, {root_domain(name) for name in partners} - roots, partners, force)
            self._aliases(kind, ((name, name) for name in partners))
        await self._files("sellers.json", {name for name in wanted.systems if domain_in(name)}, force)
        self._aliases("ads.txt", ((name, name) for name in wanted.sites))
        self._aliases("app-ads.txt", ((domain, domain) for domain in apps))
        self._aliases("app-ads.txt", ((bundle, domain) for bundle, domain in wanted.apps if bundle))
        await self._write()
        return self.summary

    async def _with_sub_domains(self, kind: Kind, roots: set[str], names: Iterable[str], force: bool) -> set[str]:
        """Fetches files of root domains, then those of the names among their sub-domains that have their own."""
        await self._files(kind, roots, force)
        own = self._own(kind, names)
        await self._files(kind, own, force)
        return own

    def _partners(self, kind: Kind, names: Iterable[str]) -> set[str]:
        """The inventory partners that files name, but those of partners in turn."""
        found = {name for domain in names if (file := self.store.file(kind, domain)) for name in file.partners}
        return {name for name in found if root_domain(name)}

    def _own(self, kind: Kind, names: Iterable[str]) -> set[str]:
        """The sub-domains among the names that have files of their own."""
        return {own for name in names if (own := self._home(kind, name)) != root_domain(name)} - {""}

    def _home(self, kind: Kind, name: str) -> str:
        """The domain whose file counts for a name: the nearest that its root domain's file refers to, else the root."""
        root = root_domain(name)
        file = self.store.file(kind, root) if root else None
        for declared in sorted(file.subdomains if file else (), key=len, reverse=True):
            if (name == declared or name.endswith(f".{declared}")) and root_domain(declared) == root:
                return declared
        return root

    def _aliases(self, kind: Kind, names: Iterable[tuple[str, str]]) -> None:
        now = self.now_s()
        for name, domain in names:
            home = self._home(kind, domain)
            if home and home != name:
                until = now + self.policy.keep_s
                file = File(kind, name, "alias", now, until, until, alias=home)
                self._changes.append((file, sellers.pack_alias(home, until)))
                self.summary.aliases += 1

    async def _files(self, kind: Kind, names: set[str], force: bool) -> None:
        """Fetches those that are due, so many at a time."""
        waiting = []
        for name in sorted(names):
            known = self.store.file(kind, name)
            if known is not None and known.state != "alias" and known.due_s > self.now_s() and not force:
                self.summary.not_due += 1
            else:
                waiting.append((name, known if known is not None and known.state != "alias" else None))
        waiting.reverse()

        async def work() -> None:
            while waiting:
                name, known = waiting.pop()
                await self._one(kind, name, known)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.fetcher.limits.concurrency, len(waiting))):
                group.create_task(work())
        await self._write()

    async def _one(self, kind: Kind, name: str, known: File | None) -> None:
        held = known is not None and known.state in ("good", "failed") and known.valid_until_s > self.now_s()
        etag, modified = (known.etag, known.last_modified) if known is not None and held else ("", "")
        limit = SELLERS_JSON_BYTES if kind == "sellers.json" else 0
        answer = await self.fetcher.fetch(self.where(kind, name), etag, modified, limit)
        read: Read | None = None
        if answer.body is not None:
            read = await asyncio.to_thread(_read, kind, name, answer.body)
        self._changes.append(self.outcome(kind, name, known, answer, read))
        if len(self._changes) >= BATCH:
            await self._write()

    def outcome(
        self, kind: Kind, name: str, known: File | None, answer: Answer, read: "Read | None"
    ) -> tuple[File, bytes | None]:
        """What is kept of an answer: what is known about the file, and its record (None: as it is)."""
        now, policy = self.now_s(), self.policy
        until, due = now + policy.keep_s, now + policy.again_s
        if answer.unchanged and known is not None:
            self.summary.unchanged += 1
            return _with(
                known, state="good", checked_s=now, valid_until_s=until, due_s=due, problem="", failures=0
            ), None
        absent, problem = answer.absent, answer.problem
        if read is not None and read.sellers is not None:
            if read.sellers or read.partners or kind == "sellers.json":
                self.summary.read += 1
                file = File(
                    kind, name, "good", now, until, due, "", 0, answer.url, answer.etag, answer.last_modified,
                    len(read.sellers), read.subdomains, read.partners,
                )  # fmt: skip
                partners = [(partner, "", 0) for partner in read.partners]  # a seller without an account: the domain
                return file, sellers.pack([*read.sellers, *partners], until)
            absent = True  # an empty file declares nothing
        elif read is not None:
            problem = read.problem
        if absent:
            self.summary.absent += 1
            return File(kind, name, "none", now, until, due, url=answer.url), sellers.pack_none(until)
        self.summary.failed += 1
        log.info("%s of %s: %s", kind, name, problem)
        failures = known.failures + 1 if known is not None else 1
        wait = min(policy.retry_s << min(failures - 1, 16), policy.again_s)
        before = known if known is not None else File(kind, name, "failed", now)
        return _with(
            before, state="failed", checked_s=now, due_s=now + wait, problem=problem[:500], failures=failures
        ), None

    async def _write(self) -> None:
        changes, self._changes = self._changes, []
        if changes:
            await asyncio.to_thread(self.store.put, changes)


@dataclass(frozen=True)
class Read:
    """A file's content: (advertising system, account, code) of each seller, or None and why it cannot be read."""

    sellers: list[tuple[str, str, int]] | None
    subdomains: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    problem: str = ""


def _read(kind: Kind, system: str, body: bytes) -> Read:
    if kind != "sellers.json":
        read = parse_ads_txt(body)
        listed = [(one.system, one.account, RELATIONSHIPS[one.relationship]) for one in read.sellers]
        return Read(listed, read.subdomains, read.inventory_partners)
    try:
        return Read([(system, seller.id, TYPES[seller.type]) for seller in parse_sellers_json(body).sellers])
    except Unreadable as error:
        return Read(None, problem=f"it is no sellers.json: {error}")


def _with(file: File, **changes: object) -> File:
    return msgspec.structs.replace(file, **changes)
