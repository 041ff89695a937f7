"""Which files bid requests will ask for: from a list, and from the sites that the bidders' log names."""

from pathlib import Path

from domain.errors import Problem, Refused
from domain.events import Name, decode
from eventlog.reader import LogReader
from openrtb.ads_txt import domain_in
from targeting.supply_refresh import Wanted
from targeting.web_files import root_domain

FORMS = "a line is DOMAIN, app BUNDLE DOMAIN, app DOMAIN, or system DOMAIN"
REVERSED = ("com.", "net.", "org.", "io.", "air.", "me.")
"""How an Android bundle begins, which is no domain though it looks like one."""
MAX_PROBLEMS = 100


def read_wanted(path: Path) -> Wanted:
    """A list, one a line: ``news.example`` (its ads.txt), ``app com.dev.game dev.example`` (the developer's app-ads.txt
    for this bundle), ``system ssp.example`` (its sellers.json). ``#`` begins a remark. Raises `Refused` naming each bad
    line.
    """
    sites, apps, systems = set(), set(), set()
    problems: list[Problem] = []
    try:
        lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        domain = domain_in(words[-1])
        if domain and len(words) == 1:
            sites.add(domain)
        elif domain and words[0] == "app" and len(words) in (2, 3):
            apps.add((words[1] if len(words) == 3 else "", domain))
        elif domain and words[0] == "system" and len(words) == 2:
            systems.add(domain)
        else:
            problems.append(Problem(f"{path}, line {number}", line[:80], FORMS))
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise Refused(problems)
    return Wanted(frozenset(sites), frozenset(apps), frozenset(systems))


class LoggedSites:
    """Sites that bidders of this host have named in their logs; each `read` goes on where the last one ended."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._readers: dict[Path, LogReader] = {}
        self._sites: set[str] = set()

    def read(self) -> Wanted:
        """All sites so far. Apps are not among them: a bundle does not say whose app it is."""
        for log in sorted(self.directory.glob("*")) if self.directory.exists() else ():
            reader = self._readers.setdefault(log, LogReader(log))
            while records := reader.read()[0]:
                for record in records:
                    event = decode(record)
                    if isinstance(event, Name) and event.dimension == "site" and is_site(event.name):
                        self._sites.add(domain_in(event.name))
        return Wanted(frozenset(self._sites))


def is_site(name: str) -> bool:
    """Is it a web domain, and no bundle of an app?"""
    domain = domain_in(name)
    return bool(domain) and "//" not in name and not domain.startswith(REVERSED) and bool(root_domain(domain))
