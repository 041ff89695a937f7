"""`outbid simulate` refuses what makes no sense before it starts anything."""

from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--exchange", "nyx"], "--exchange: 'nyx' is not allowed; it must be one of usx, cnx"),
        (["--rate", "0"], "--rate: 0.0 is not allowed; it must be above 0"),
    ],
)
def test_what_is_not_allowed_is_named(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_log_and_a_folder_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "--replay", "a", "--requests", "b"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
