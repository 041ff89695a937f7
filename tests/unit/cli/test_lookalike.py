"""``outbid audiences lookalike``: what it writes, prints and refuses."""

import json
from pathlib import Path

import pytest
import yaml

from campaigns import catalogue
from campaigns.config import database_url
from campaigns.importing import import_file
from campaigns.store import Store
from cli.main import parser
from domain.errors import Refused
from targeting.profiles import ProfileStore
from targeting.unpacked import unpack
from tests.unit.campaigns.test_importing import FILE
from tests.unit.targeting import test_lookalike as populations


def run(*arguments: str) -> int:
    asked = parser().parse_args(["audiences", "lookalike", *arguments])
    status: int = asked.run(asked)
    return status


def known() -> catalogue.Catalogue:
    store = Store(database_url())
    with store.read() as conn:
        found = catalogue.load(conn)
    store.close()
    return found


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bank, its list of prime customers, and a list that it suppresses."""
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_CLOCK", f"{populations.NOW_S * 10**9},0,0")
    (tmp_path / "prime.txt").write_text("ifa:A1\n")
    content = {**FILE, "audiences": [*FILE["audiences"], {**FILE["audiences"][0], "key": "staff", "name": "Staff"}]}
    content["advertisers"] = [{**FILE["advertisers"][0], "suppress": ["staff"]}, FILE["advertisers"][1]]
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(content))
    store = Store(database_url())
    store.migrate()
    import_file(store, tmp_path / "campaigns.yaml")
    store.close()
    return tmp_path


@pytest.fixture
def data(host: Path) -> Path:
    """And 4,000 people, some of them on these lists."""
    audiences = known().audiences
    with ProfileStore(host / "profiles.lmdb", sync=False) as profiles:
        populations.population(profiles, 4_000, 1.2)
        people = {key: of for key, of in populations._all(profiles)}
        profiles.join(audiences["prime"].id, [key for key, of in people.items() if populations.SEED in of])
        profiles.join(audiences["staff"].id, sorted(people)[:500])
    return host


def test_an_audience_is_made(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["prime", "--advertiser", "bank", "--size", "300", "--name", "like-prime", "--ttl", "30d"]
    assert run(*asked, "--only-measure", "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    assert "like-prime" not in known().audiences
    assert run(*asked) == 0
    told = capsys.readouterr().out
    assert "300 people, the best" in told
    assert "audience like-prime is published as version" in told
    audiences = known().audiences
    made, prime, staff = (audiences[key] for key in ("like-prime", "prime", "staff"))
    assert (made.size, made.ttl_s, made.lookalike_of, made.name) == (300, 30 * 86_400, prime.id, "Lookalikes of Prime")
    with ProfileStore(data / "profiles.lmdb", readonly=True) as profiles:
        members = profiles.members(made.id)
        records = [unpack(record or b"") for record in profiles.get_many(members)]
    assert len(members) == 300
    assert {record.segments[made.id] for record in records} == {populations.NOW_S + 30 * 86_400}
    assert not any(audience in record.segments for record in records for audience in (prime.id, staff.id))
    assert measured["size"] == 300
    assert measured["lift_of_size"]["lift"] > 2
    assert measured["people"]["seed"] + measured["people"]["others"] == 3_500
    assert {point["share"] for point in measured["lift"]} >= {0.01, 0.1, 1.0}
    assert measured["weights"][0].keys() == {"feature", "weight", "of_seed", "of_others"}
    assert not any("prime" in weight["feature"] for weight in measured["weights"])
    assert run(*asked[:-1], "1d", "--seed-number", "2") == 0  # made anew
    with ProfileStore(data / "profiles.lmdb", readonly=True) as profiles:
        assert len(profiles.members(made.id)) == 300
    assert known().audiences["like-prime"].id == made.id


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"--size": "0"}, "--size: 0 is not allowed"),
        ({"--ttl": "soon"}, "--ttl: 'soon' is not allowed"),
        ({"--name": "staff"}, "--name: 'staff' is not allowed"),
        ({"--advertiser": "nobody"}, "there are bank, loans"),
        ({"--without": "audience:none"}, "--without: 'audience:none' is not allowed"),
    ],
)
def test_what_is_refused(host: Path, options: dict[str, str], said: str) -> None:
    given = {"--advertiser": "bank", "--size": "300", "--name": "x"} | options
    with pytest.raises(Refused) as refused:
        run("prime", *(word for pair in given.items() for word in pair))
    assert said in str(refused.value)


def test_a_seed_of_too_few(host: Path) -> None:
    """Its only member is suppressed, too."""
    with pytest.raises(Refused, match="SEED: 'prime' is not allowed; the seed has 0 people"):
        run("prime", "--advertiser", "bank", "--size", "300", "--name", "x")
    assert "x" not in known().audiences
