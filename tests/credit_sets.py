"""Made sets of applicants as different countries' lenders write them; nothing in them is anybody's data.

Each has a plain truth: log odds of default that a few of the columns make, so that a test knows what can be found.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Made(NamedTuple):
    """Columns of texts by name, and of each row whether it went bad and how likely that was."""

    columns: dict[str, Sequence[str]]
    bad: NDArray[np.bool_]
    pd: NDArray[np.float64]

    def write(self, path: Path, separator: str = ",", *, encoding: str = "utf-8", header: bool = True) -> Path:
        lines = [separator.join(self.columns)] if header else []
        lines += [
            separator.join(_quoted(cell, separator) for cell in row) for row in zip(*self.columns.values(), strict=True)
        ]
        path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
        return path


def _quoted(cell: str, separator: str) -> str:
    return f'"{cell}"' if separator in cell else cell


def _outcome(rng: np.random.Generator, z: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    pd = 1 / (1 + np.exp(-z))
    return rng.random(len(z)) < pd, pd


def _texts(values: NDArray[np.float64], form: str = "{:g}") -> list[str]:
    return [form.format(value) for value in values.tolist()]


def _missing(rng: np.random.Generator, cells: Sequence[str], share: float, mark: str) -> list[str]:
    gone = rng.random(len(cells)) < share
    return [mark if no else cell for no, cell in zip(gone.tolist(), cells, strict=True)]


def german(
    rows: int = 1_000, seed: int = 1, *, target: Callable[[bool], str] = lambda bad: "2" if bad else "1"
) -> Made:
    """Semicolons, decimal commas, texts for ranges, sex and marriage in one column, 1 good and 2 bad."""
    rng = np.random.default_rng(seed)
    status = rng.choice(["<0", "0<=X<200", ">=200", "no checking"], rows, p=(0.27, 0.27, 0.06, 0.4))
    months = rng.choice([6, 12, 18, 24, 36, 48], rows)
    amount = np.exp(rng.normal(7.8, 0.8, rows))
    age = rng.integers(19, 75, rows)
    history = rng.choice(["critical/other existing credit", "existing paid", "delayed previously", "none"], rows)
    z = -1.1 + 0.9 * (status == "<0") + 0.5 * (status == "0<=X<200") - 1.2 * (status == "no checking")
    z = z + 0.035 * (months - 20) + 0.3 * (np.log(amount) - 7.8) + 0.8 * (history == "delayed previously")
    bad, pd = _outcome(rng, z)
    return Made(
        {
            "laufende_nr": [str(n + 1) for n in range(rows)],
            "checking_status": status.tolist(),
            "duration": _texts(months.astype(float)),
            "credit_history": history.tolist(),
            "credit_amount": [f"{value:.2f}".replace(".", ",") for value in amount.tolist()],
            "personal_status": rng.choice(["male single", "female div/dep/mar", "male mar/wid"], rows).tolist(),
            "age": _texts(age.astype(float)),
            "foreign_worker": rng.choice(["yes", "no"], rows, p=(0.96, 0.04)).tolist(),
            "Datum": [f"{n % 28 + 1:02d}.{n % 12 + 1:02d}.2019" for n in rng.integers(0, 336, rows).tolist()],
            "class": [target(each) for each in bad.tolist()],
        },
        bad,
        pd,
    )


def lending(rows: int = 3_000, seed: int = 2) -> Made:
    """Texts with units, percentages, months as names, a zip code, loans that are not settled."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(5, 28, rows)
    income = np.exp(rng.normal(11, 0.6, rows))
    years = rng.integers(0, 12, rows)
    grade = np.array(list("ABCDEFG"))[np.minimum(((rate - 5) / 3.4).astype(int), 6)]
    z = -3.2 + 0.11 * (rate - 5) - 0.5 * (np.log(income) - 11)
    bad, pd = _outcome(rng, z)
    ended = np.where(bad, rng.choice(["Charged Off", "Default"], rows, p=(0.95, 0.05)), "Fully Paid")
    open_still = rng.random(rows) < 0.15
    ended = np.where(open_still, rng.choice(["Current", "In Grace Period", "Late (16-30 days)"], rows), ended)
    employed = ["< 1 year" if n < 1 else "10+ years" if n > 9 else f"{n} year{'s' if n > 1 else ''}" for n in years]
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return Made(
        {
            "id": [str(10_000_000 + n) for n in rng.permutation(rows * 9)[:rows].tolist()],
            "loan_amnt": _texts(rng.integers(10, 400, rows) * 100.0),
            "term": rng.choice([" 36 months", " 60 months"], rows).tolist(),
            "int_rate": _texts(rate, "{:.2f}%"),
            "grade": grade.tolist(),
            "emp_title": [f"worker {n}" for n in rng.permutation(rows).tolist()],
            "emp_length": _missing(rng, employed, 0.06, "n/a"),
            "annual_inc": _missing(rng, _texts(income, "${:,.0f}"), 0.03, ""),
            "issue_d": [f"{months[n]}-2017" for n in rng.integers(0, 12, rows)],
            "zip_code": [f"{n:03d}xx" for n in rng.integers(0, 900, rows)],
            "policy_code": ["1"] * rows,
            "loan_status": ended.tolist(),
        },
        bad & ~open_still,
        pd,
    )


def monthly(rows: int = 4_000, seed: int = 3) -> Made:
    """Families of numbered columns, days of birth, a number that stands for missing, a leak if one likes."""
    rng = np.random.default_rng(seed)
    limit = rng.choice([10, 20, 50, 100, 200, 500], rows) * 1000.0
    late = np.minimum.accumulate(rng.poisson(0.35, (rows, 6)), axis=1) + (rng.random((rows, 6)) < 0.1)
    use = np.clip(rng.beta(1.5, 2, rows)[:, None] + rng.normal(0, 0.08, (rows, 6)), 0, 1.2)
    bills = np.round(use * limit[:, None])
    z = -2.6 + 1.1 * late[:, 0] + 2.2 * (use[:, 0] - 0.4) + 0.5 * (late.max(axis=1) > 1)
    bad, pd = _outcome(rng, z)
    columns: dict[str, Sequence[str]] = {
        "SK_ID_CURR": [str(100_000 + n) for n in range(rows)],
        "AMT_LIMIT": _texts(limit),
        "CODE_GENDER": rng.choice(["M", "F"], rows).tolist(),
        "DAYS_BIRTH": _texts(-rng.integers(7_500, 25_000, rows).astype(float)),
        "DAYS_EMPLOYED": _texts(np.where(rng.random(rows) < 0.18, 365_243.0, -rng.integers(1, 9_000, rows))),
        "NAME_FAMILY_STATUS": rng.choice(["Married", "Single / not married", "Widow"], rows).tolist(),
        "OCCUPATION": _missing(rng, rng.choice(["Laborers", "Managers", "Drivers"], rows).tolist(), 0.3, ""),
    }
    for number in range(6):
        columns[f"PAY_{number + (number > 0)}"] = _texts(late[:, number].astype(float))
    for number in range(6):
        columns[f"BILL_AMT{number + 1}"] = _texts(bills[:, number], "{:.0f}")
    columns["TARGET"] = [str(int(each)) for each in bad.tolist()]
    return Made(columns, bad, pd)
