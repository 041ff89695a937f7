"""Lists against a plain twin: a dictionary of what was added, and the ipaddress module for ranges."""

import contextlib
import ipaddress
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from domain.clock import SECOND, ManualClock
from domain.errors import Unavailable
from domain.naming import name_id
from risk import list_folding, list_writer
from risk.list_files import MANIFEST, Edit, ListName, all_changes, segments
from risk.list_reading import Defaults, read_list
from risk.list_writer import Import, ListWriter
from risk.lists import Hit, Lists, standing
from targeting.identity_keys import parse_person, written_key

START = 1_790_000_000
WHO = "ann@desk"
INSTITUTIONS = ("", "north", "south")
PERSONS = [f"device:{n}" for n in range(25)]
NETWORKS = ["ip:10.0.0.0/8", "ip:10.1.0.0/16", "ip:10.1.2.0/24", "ip:10.1.2.3", "ip:0.0.0.0/0", "ip:2001:db8::/32",
            "ip:2001:db8::/64", "ip:::/0", "ip:2001:db8::1", "ip:10.1.2.4/31"]  # fmt: skip
ADDRESSES = ["10.1.2.3", "10.1.2.5", "10.1.9.9", "10.9.9.9", "11.0.0.1", "2001:db8::1", "2001:db8:0:1::", "fe80::1",
             "::ffff:10.1.2.3"]  # fmt: skip
NAMES = get_args(ListName)

Told = tuple[str, str, int]
Twin = dict[tuple[str, str], dict[str, Told]]


def live(told: Told, now_s: int) -> bool:
    return not told[2] or told[2] > now_s


def twin_look(twin: Twin, persons: list[str], ip: str | None, institution: str, now_s: int) -> set[Any]:
    """(list, institution, id, terms) of all hits, by looking through everything."""
    hits: set[Any] = set()
    for scope in {"", institution}:
        held = [(name, id_, told) for (name, of), entries in twin.items() if of == scope
                for id_, told in entries.items() if live(told, now_s)]  # fmt: skip
        hits |= {(name, scope, id_, told) for name, id_, told in held if id_ in persons}
        if ip is not None:
            address = ipaddress.ip_address(ip)
            address = getattr(address, "ipv4_mapped", None) or address
            around = [(ipaddress.ip_network(id_[3:]), name, id_, told) for name, id_, told in held if id_[:3] == "ip:"]
            around = [one for one in around if one[0].version == address.version and address in one[0]]
            longest = max((one[0].prefixlen for one in around), default=0)
            hits |= {(name, scope, id_, told) for net, name, id_, told in around if net.prefixlen == longest}
    return hits


class World:
    """Lists and their twin, changed together."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng, self.clock, self.folder = random.Random(seed), ManualClock(START * SECOND), folder
        self.writer = ListWriter(folder / "lists", self.clock)
        self.reader = Lists.open(folder / "lists")
        self.twin: Twin = {}

    @property
    def now_s(self) -> int:
        return self.clock.now_ns() // SECOND

    def terms(self) -> Told:
        until = self.rng.choice([0, 0, self.now_s + self.rng.randrange(1, 400)])
        return self.rng.choice(["fraud", "late", "sanction: x"]), self.rng.choice(["desk", "feed"]), until

    def shelf(self) -> tuple[Any, str]:
        return self.rng.choice(NAMES), self.rng.choice(INSTITUTIONS)

    def edit(self) -> None:
        shelf = self.shelf()
        action: Any = self.rng.choice(["add", "add", "remove"])
        ids = [self.rng.choice(PERSONS + NETWORKS) for _ in range(self.rng.randrange(1, 6))]
        told = [self.terms() for _ in ids]
        edits = [Edit(_kept(id_), *(terms if action == "add" else ())) for id_, terms in zip(ids, told, strict=True)]
        statuses = self.writer.edit(action, *shelf, edits, WHO)
        entries = self.twin.setdefault(shelf, {})
        for id_, terms, status in zip(ids, told, statuses, strict=True):
            before = entries.get(id_) if id_ in entries and live(entries[id_], self.now_s) else None
            if action == "add":
                assert status == ("added" if before is None else "unchanged" if before == terms else "changed")
                entries[id_] = terms
            else:
                assert status == ("absent" if before is None else "removed")
                entries.pop(id_, None)

    def bring(self) -> None:
        shelf = self.shelf()
        mode: Any = self.rng.choice(["add", "replace", "remove"])
        ids = [self.rng.choice(PERSONS + NETWORKS) for _ in range(self.rng.randrange(30))]
        told, lines = {}, []
        for id_ in ids:
            terms = told[id_] = self.rng.choice([("import", "file", 0), self.terms()])
            lines.append(f"{id_},{terms[0]},{terms[1]},{terms[2] or 'never'}")
        path = self.folder / "file"
        path.write_text("\n".join(lines))
        file = read_list(path, Defaults("import", "file", 0), self.now_s)
        change = self.writer.import_file(Import(*shelf, mode, WHO, str(path)), file)
        entries = self.twin.setdefault(shelf, {})
        before = {id_ for id_, terms in entries.items() if live(terms, self.now_s)}
        if mode == "replace":
            entries.clear()
        for id_, terms in told.items():
            if mode == "remove":
                entries.pop(id_, None)
            else:
                entries[id_] = terms
        after = {id_ for id_, terms in entries.items() if live(terms, self.now_s)}
        assert (change.added, change.removed) == (len(after - before), len(before - after))
        assert (change.changed, change.entries) == ((len(before & told.keys()) if mode != "remove" else 0), len(after))

    def check(self) -> None:
        for lists in (self.reader, Lists.open(self.folder / "lists")):
            for institution in INSTITUTIONS:
                for _ in range(6):
                    persons = self.rng.sample(PERSONS, 3)
                    ip = self.rng.choice([None, *ADDRESSES])
                    hits = lists.look([parse_person(id_) for id_ in persons], ip, name_id(institution), self.now_s)
                    found = {(h.list, h.institution, h.key, (h.reason, h.source, h.expires_s)) for h in hits}
                    wanted = twin_look(self.twin, persons, ip, institution, self.now_s)
                    assert found == {(name, name_id(of), parse_person(id_), told) for name, of, id_, told in wanted}
                    assert len(found) == len(hits)


def _kept(id_: str) -> str:
    return id_ if "/" in id_ else written_key(parse_person(id_))


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_done_to_lists_they_say_what_the_twin_says(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_folding, "STEP", 7)
    world = World(tmp_path, seed)
    for _ in range(50):
        world.rng.choice([world.edit, world.edit, world.bring, lambda: world.writer.compact(WHO),
                          lambda: world.clock.advance(90)])()  # fmt: skip
        world.reader.reload()
        world.check()
    changes = list(all_changes(tmp_path / "lists"))
    assert [change.change for change in changes] == list(range(1, len(changes) + 1))
    assert {change.who for change in changes} == {WHO}
    assert not world.reader.reload()


class Killed(BaseException):
    """In place of a signal: nothing behind it is done."""


def test_a_writer_may_die_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an import, before which edits are compacted, every file operation is once the last that is done."""
    done = [died_at(tmp_path / str(point), point, monkeypatch) for point in range(0, 60, 2)]
    assert done.index(True) > 10 and done == sorted(done)


def died_at(folder: Path, point: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the import was in force when the writer died behind so many operations."""
    folder.mkdir()
    world, directory, steps = World(folder, 1), folder / "lists", 0
    for _ in range(4):
        world.edit()
    world.bring()
    world.edit()
    before = len(list(all_changes(directory)))
    path = folder / "new"
    path.write_text("device:new\nip:10.77.0.0/16")

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > point:
                raise Killed
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        for name in ("fsync", "replace", "unlink"):
            patched.setattr(os, name, dying(getattr(os, name)))
        order = Import("black", "north", "add", "eve", str(path))
        world.writer.import_file(order, read_list(path, Defaults("x", "y", 0), world.now_s))
    with segments(directory)[-1].open("ab") as trail:
        trail.write(b'{"change":99,"at_s"')  # and half a line
    imported = bool(Lists.open(directory).look([parse_person("device:new")], None, name_id("north"), world.now_s))
    if imported:
        entries = world.twin.setdefault(("black", "north"), {})
        entries |= {"device:new": ("x", "y", 0), "ip:10.77.0.0/16": ("x", "y", 0)}
    world.writer = ListWriter(directory, world.clock)
    world.reader.reload()
    world.check()
    world.edit()
    world.reader.reload()
    world.check()
    changes = list(all_changes(directory))
    assert [change.change for change in changes] == list(range(1, len(changes) + 1))
    assert len(changes) >= before
    assert [change.who for change in changes].count("eve") in ((1, 2) if imported else (0, 1))
    assert [change.who for change in changes if change.action == "import"].count("eve") == imported
    return imported


def test_which_list_counts() -> None:
    def hit(name: ListName, institution: int = 0, reason: str = "") -> Hit:
        return Hit(name, institution, reason, "", 0, 1)

    assert standing([]) is None
    assert standing([hit("white"), hit("grey")]) == "grey"
    assert standing([hit("white"), hit("black")]) == "black"
    assert standing([hit("white", 7), hit("black"), hit("grey")]) == "white"
    assert standing([hit("white", 7), hit("grey", 7), hit("black")]) == "black"
    assert standing([hit("white", 7), hit("black", 7)]) == "black"
    assert standing([hit("white"), hit("grey", 7)]) == "grey"
    assert standing([hit("white", 7), hit("black", 0, "sanction: EU 2022/1")]) == "black"
    assert standing([hit("white", 7), hit("grey", 0, "sanction")]) == "white"
    assert standing([hit("white", 7), hit("black", 0, "sanctioned by a manager")]) == "white"


def test_damage_is_told_with_its_file(tmp_path: Path) -> None:
    world = World(tmp_path, 2)
    world.bring()
    world.edit()
    directory = tmp_path / "lists"
    for name in ("*.keys", "*.terms", "changes-*", MANIFEST):
        path = next(iter(sorted(directory.glob(name))[-1:]))
        whole = path.read_bytes()
        path.write_bytes(b"\xc1\n" + whole[3:])
        with pytest.raises(Unavailable, match=path.name.replace(".terms", "")):
            Lists.open(directory)
        path.write_bytes(whole)
    next(directory.glob("*.keys")).unlink()
    with pytest.raises(Unavailable, match="is not there"):
        Lists.open(directory)


def test_two_writers_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(START * SECOND)
    one, other = ListWriter(tmp_path, clock), ListWriter(tmp_path, clock)
    edits = [Edit(_kept("device:1"), "r", "s")]
    assert one.edit("add", "black", "", edits, "one") == ["added"]
    assert other.edit("add", "black", "", edits, "other") == ["unchanged"]
    assert other.edit("remove", "black", "", edits, "other") == ["removed"]
    assert one.edit("remove", "black", "", edits, "one") == ["absent"]
    assert [change.who for change in all_changes(tmp_path)] == ["one", "other"]
    monkeypatch.setattr(list_writer, "WAIT_S", 0.02)
    with one._held(), pytest.raises(Exception, match="another process"):
        other.compact("other")
