"""A list of individuals among many others, traded by real processes: the report proves that they alone were reached,
and does not prove what is not so.
"""

import json
import shutil
from pathlib import Path

from tests.deployment import EXAMPLES, Deployment

INDIVIDUALS = EXAMPLES.parent / "individuals"
PERSONS, LISTED = 400, 80
PEOPLE = ("--persons", str(PERSONS))
SETTINGS = {"OUTBID_SIMULATOR_CLICK_RATE": "0.8", "OUTBID_SIMULATOR_CONVERSION_RATE": "0.9"}


async def test_a_list_of_individuals_is_reached_and_nobody_else(deployment: Deployment, tmp_path: Path) -> None:
    folder = shutil.copytree(INDIVIDUALS, tmp_path / "individuals")
    chosen, half = folder / "chosen.txt", tmp_path / "half.txt"
    status, said = await deployment.outbid("simulate", *PEOPLE, "--write-list", str(chosen), "--list-size", str(LISTED))
    assert status == 0, said
    lines = chosen.read_text().splitlines()
    half.write_text("\n".join(lines[: 1 + LISTED // 2]))
    for file in (EXAMPLES, folder):
        status, said = await deployment.outbid("campaigns", "import", str(file / "campaigns.yaml"))
        assert status == 0, said
    proving = ("simulate", *PEOPLE, "--campaign", "juniper_individuals", "--rate", "150", "--json")
    async with deployment.up(2):
        right = ("--list", str(chosen), "--cap", "3/1d", "--cap", "2/5m", "--for", "8")
        status, said = await deployment.outbid(*proving, *right, **SETTINGS)
        told = json.loads(said.splitlines()[-1])
        assert status == 0, told["faults"]
        for book in told["individuals"].values():
            assert book["to_listed"] > 20 and book["to_others"] == 0 and book["after_conversion"] == 0
            assert book["most"][1] <= 2 and book["most"][0] <= 3 and book["converters"] > 3
        wrong = ("--list", str(half), "--cap", "1/1d", "--for", "0.2")
        status, said = await deployment.outbid(*proving, *wrong)
        faults = json.loads(said.splitlines()[-1])["faults"]
        assert status == 1
        assert sum("not in the list" in fault for fault in faults) == 2, faults
        assert sum("where the cap is 1/1d" in fault for fault in faults) == 2, faults
