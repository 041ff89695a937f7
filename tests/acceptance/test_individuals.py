"""A list of individuals among many others, traded by real processes: the report proves that they alone were reached,
and does not prove what is not so.
"""

import json
from pathlib import Path

import yaml

from cli import individuals
from domain.settings import Places
from simulator.config import SimulatorSettings
from simulator.watch import Cap
from tests.deployment import EXAMPLES, Deployment

PERSONS, LISTED = 400, 80
SETTINGS = {
    "OUTBID_SIMULATOR_CLICK_RATE": "0.8",
    "OUTBID_SIMULATOR_CONVERSION_RATE": "0.9",
    "OUTBID_SIMULATOR_TROUBLE": '{"late_s": [0.1, 0.5]}',
}
CAPS = ("--cap", "3/1d", "--cap", "2/5m")


def campaigns() -> str:
    """Those of the example, on its exchanges."""
    there = yaml.safe_load((EXAMPLES / "campaigns.yaml").read_text())
    content = yaml.safe_load((EXAMPLES.parent / "individuals" / "campaigns.yaml").read_text())
    text: str = yaml.safe_dump(content | {"exchanges": there["exchanges"], "rates": there["rates"]})
    return text


async def test_a_list_of_individuals_is_reached_and_nobody_else(deployment: Deployment, tmp_path: Path) -> None:
    file, chosen, half = tmp_path / "campaigns.yaml", tmp_path / "chosen.txt", tmp_path / "half.txt"
    file.write_text(campaigns())
    individuals.write_list(SimulatorSettings(persons=PERSONS), chosen, LISTED)
    half.write_text("\n".join(chosen.read_text().splitlines()[: 1 + LISTED // 2]))
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    proving = ("--persons", str(PERSONS), "--campaign", "juniper_individuals", "--list", str(chosen), *CAPS)
    async with deployment.up(1):
        status, said = await deployment.outbid(
            "simulate", *proving, "--rate", "150", "--for", "7", "--json", **SETTINGS
        )
        told = json.loads(said.splitlines()[-1])
        assert status == 0, told["faults"]
        for book in told["individuals"].values():
            assert book["to_listed"] > 20 and book["to_others"] == 0 and book["after_conversion"] == 0
            assert book["most"][1] <= 2 and book["most"][0] <= 3 and book["converters"] > 3

        places = Places(data_dir=str(deployment.data), control_url=deployment.control, reporter_url=deployment.reporter)
        asked = individuals.Asked(half, "juniper_individuals", (Cap(1, 86_400, "1/1d"),))
        wrong = await individuals.prove(places, asked, await individuals.follow(places, asked))
        for book in (wrong.exchange, wrong.store):
            faults = book.faults(asked.caps)
            assert any("not in the list" in fault for fault in faults), faults
            assert any("where the cap is 1/1d" in fault for fault in faults), faults
