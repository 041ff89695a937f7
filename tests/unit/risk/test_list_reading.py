"""Files of lists: what the compiled reader makes of a line is what `parse_person` and the csv module make of it."""

import csv
import gzip
import random
from hashlib import sha256
from pathlib import Path

import pytest

from domain.errors import Refused
from risk import list_reading
from risk.list_lines import key_of
from risk.list_reading import Defaults, ListFile, read_list
from risk.list_terms import read_expiry
from targeting.identity_keys import KINDS, parse_person

NOW = 1_790_000_000
DEFAULTS = Defaults("fraud", "desk", 0)
HEX = "".join(f"{n:02x}" for n in range(32))
VALUES = [
    HEX,
    HEX.upper(),
    HEX[:-1] + "g",
    HEX[:16],
    "0" * 16,
    sha256(b"").hexdigest(),
    sha256(b"").hexdigest().upper(),
    "6D92078A-8246-4BA4-AE5B-76104861E7DC",
    "00000000-0000-0000-0000-000000000000",
    "6D92078A-8246-4BA4-AE5B-76104861E7D",
    "192.0.2.1",
    "192.0.2.01",
    "192.0.2.256",
    "1.2.3",
    "1.2.3.4.",
    "0.0.0.0",
    "2001:db8::1",
    "192.0.2.0/24",
    "a.b_c-D",
    "ann@example.com",
    "+491715550123",
    "é",
    "",
    "x" * 300,
]


def test_a_key_that_is_read_fast_is_the_same() -> None:
    """Every kind with every value, and with values of which one character is another."""
    rng = random.Random(1)
    for kind in [*sorted(KINDS), "", "KEY", "ips", "sha256"]:
        for value in VALUES:
            place = rng.randrange(len(value) + 1)
            for written in (value, value[:place] + rng.choice("0aF.:-_/+ ") + value[place + rng.randrange(2) :]):
                try:
                    key = parse_person(f"{kind}:{written}")
                except ValueError:
                    key = 0
                assert key_of(f"{kind}:{written}".encode()) in (key, 0)


def test_the_forms_of_long_lists_are_read_fast() -> None:
    hashes = [f"{kind}:{HEX}" for kind in KINDS if kind.endswith("_sha256")]
    others = [f"ifa:{VALUES[7]}", f"oaid:{VALUES[7]}", f"key:{HEX[:16]}", "ip:192.0.2.1", "device:a.b_c-D", "account:7"]
    assert all(key_of(text.encode()) == parse_person(text) for text in [*hashes, *others])


def entries(file: ListFile) -> dict[object, tuple[str, str, int]]:
    keys = {int(key): file.terms[place] for key, place in zip(file.keys, file.places, strict=True)}
    return {**keys, **{range_.text: told for range_, told in file.ranges.items()}}


def test_a_file_says_what_its_lines_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the csv module, line by line, in blocks of every awkward size."""
    rng, twin, lines = random.Random(5), dict[object, tuple[str, str, int]](), []
    later = NOW + 86_400
    for n in range(300):
        id_ = rng.choice([f"phone_sha256:{sha256(str(n % 40).encode()).hexdigest()}", f"device:d{n}", f"eid:a.com:{n}=",
                          f"ip:10.{n % 7}.0.0/16", "ip:2001:db8::1"])  # fmt: skip
        reason, source, until = (
            rng.choice(["", 'a "b"', "c, d"]),
            rng.choice(["", "x"]),
            rng.choice(["", f"{later}", "1d"]),
        )
        rest = rng.choice([0, 1, 2, 3])
        told = [reason, source, until][:rest]
        text = "" if not rest else "," + ",".join(f'"{one.replace(chr(34), chr(34) * 2)}"' for one in told)
        lines.append(f"  {id_}{text}{rng.choice(['', ' ', chr(13)])}")
        fields = [*next(csv.reader([lines[-1].strip()]))[1:], "", "", ""]
        key: object = id_[3:] if "/" in id_ else parse_person(id_)
        twin[key] = fields[0] or "fraud", fields[1] or "desk", later if fields[2] else 0
        lines += rng.choice([[], [""], ["# remark"]])
    path = tmp_path / "list.csv"
    path.write_bytes(b"\xef\xbb\xbfid,reason\n" + "\n".join(lines).encode())
    for block in (101, 4_099, 8 << 20):
        monkeypatch.setattr(list_reading, "BLOCK", block)
        read = read_list(path, DEFAULTS, NOW)
        assert (entries(read), read.rows, read.bad) == (twin, 300, 0)
    packed = tmp_path / "list.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert entries(read_list(packed, DEFAULTS, NOW)) == twin
    assert read_list(path, DEFAULTS, NOW).sha256 == sha256(path.read_bytes()).hexdigest()


def test_bad_lines_are_told_by_number_and_past_ones_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list"
    good, past = "device:a", f"device:b,,,{NOW - 5}"
    long = "device:" + "x" * 70_000
    lines = [good, "", "card:4111111111111112", past, f"device:c,{'x' * 201}", "device:d,,,soon", long, "email:ann",
             "device:e,a,b,1d,f", 'device:f,"', "ip:10.0.0.1/8", "\udcff"]  # fmt: skip
    path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    for block in (64, 8 << 20):
        monkeypatch.setattr(list_reading, "BLOCK", block)
        with pytest.raises(Refused) as refused:
            read_list(path, DEFAULTS, NOW, most_bad=8)
        told = [(problem.path.rpartition(" ")[2], problem.value) for problem in refused.value.problems]
        assert [line for line, _ in told] == ["3", "5", "6", "7", "8", "9", "10", "11", "12"]
        assert told[0][1] == "card:…" and told[4][1] == "email:…"
        read = read_list(path, DEFAULTS, NOW, most_bad=9)
        assert (len(read.keys), read.rows, read.bad, read.expired, len(read.problems)) == (1, 11, 9, 1, 9)


def test_bare_values_have_the_kind_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(f"{HEX},late payer\n+49 171 5550123\n")
    with pytest.raises(Refused, match="line 2"):
        read_list(path, DEFAULTS, NOW, kind="phone_sha256")
    read = read_list(path, DEFAULTS, NOW, kind="phone_sha256", most_bad=1)
    assert entries(read) == {parse_person(f"phone_sha256:{HEX}"): ("late payer", "desk", 0)}
    with pytest.raises(Refused, match="kind"):
        read_list(path, DEFAULTS, NOW, kind="tel")
    with pytest.raises(Refused, match="can be read"):
        read_list(tmp_path / "none", DEFAULTS, NOW)


@pytest.mark.parametrize(
    ("text", "at_s"),
    [("never", 0), ("12h", NOW + 43_200), ("4w", NOW + 4 * 604_800), ("2027-01-31", 1_801_353_600),
     ("2027-01-31T12:00:00+02:00", 1_801_353_600 + 36_000), ("1801353600", 1_801_353_600)],
)  # fmt: skip
def test_times_as_people_write_them(text: str, at_s: int) -> None:
    assert read_expiry(text, NOW) == at_s


@pytest.mark.parametrize("text", ["tomorrow", "2107-01-01", "1d2h", "-1", "12", "1960-01-01", "2027-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a time is written"):
        read_expiry(text, NOW)
