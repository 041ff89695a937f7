"""An account statement as a page of text, as CSV, and as an XLSX workbook.

Every figure is exact to the nano until it is written; then it is rounded, half-even, to the currency's minor unit. What
the rounded lines miss of the rounded closing balance has a line of its own.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import xlsxwriter

from domain.money import format_nanos, minor_digits
from pacing.statement import SECTIONS, Line, Named, Section, Statement
from reporting.spreadsheet import harmless

HEADINGS: Mapping[Section, str] = {
    "top-ups": "Payments received",
    "refunds": "Refunds paid out",
    "media": "Media",
    "fees": "Fees",
    "adjustments": "Credits, debits and other adjustments",
    "corrections": "Corrections of media prices, fees included",
}
_KINDS = {
    "top_up": "top-up",
    "refund": "refund",
    "adjustment": "adjustment",
    "invalid_traffic": "invalid traffic",
    "reversal": "reversal",
}
WIDTH = 100

COLUMNS = (
    *("section", "day", "advertiser", "campaign", "line_item", "fee", "transaction", "kind", "reason", "reference"),
    *("currency", "exact", "amount"),
)


@dataclass(frozen=True)
class _Row:
    """One row of the machine-readable forms: ``exact`` is nanos, ``amount`` minor units."""

    section: str
    exact: int
    amount: int
    day: str = ""
    line: Line | None = None


def _rows(of: Statement) -> Iterator[_Row]:
    last = (of.month.next - timedelta(days=1)).isoformat()
    yield _Row("opening", of.opening, of.rounded(of.opening), of.month.first.isoformat())
    for line in of.lines:
        yield _Row(line.section, line.amount, of.rounded(line.amount), line.day, line)
    if of.rounding:
        yield _Row("rounding", 0, of.rounding)
    yield _Row("closing", of.closing, of.rounded(of.closing), last)


def _decimal(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-minor_digits(currency))


def _cells(row: _Row, currency: str) -> list[str]:
    line = row.line or Line("media", 0)
    return [
        row.section,
        row.day,
        *(named.key for named in (line.advertiser, line.campaign, line.line_item, line.fee)),
        str(line.transaction or ""),
        line.kind,
        line.reason,
        line.reference,
        currency,
        format_nanos(row.exact),
        f"{_decimal(row.amount, currency):f}",
    ]


def render_csv(of: Statement) -> bytes:
    """One row a line: ``exact`` to the nano, ``amount`` rounded. A text that a spreadsheet would take for a formula has
    an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    numbers = {COLUMNS.index(name) for name in ("exact", "amount")}
    for row in _rows(of):
        cells = _cells(row, of.owner.currency)
        writer.writerow(cell if at in numbers else harmless(cell) for at, cell in enumerate(cells))
    return text.getvalue().encode()


def render_xlsx(of: Statement) -> bytes:
    """As the CSV, with ``amount`` in cells of numbers. ``exact`` is text: a spreadsheet's numbers have 15 digits."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": _title(of), "created": datetime.combine(of.month.next, datetime.min.time(), UTC)})
    sheet = book.add_worksheet(f"Statement {of.month.name}")
    bold = book.add_format({"bold": True})
    digits = minor_digits(of.owner.currency)
    shape = "#,##0" + ("." + "0" * digits if digits else "")
    money, total = book.add_format({"num_format": shape}), book.add_format({"num_format": shape, "bold": True})
    exact_text = book.add_format({"align": "right"})
    sheet.write_string(0, 0, _title(of), bold)
    for at, name in enumerate(COLUMNS):
        sheet.write_string(2, at, name, bold)
    number = COLUMNS.index("transaction")
    for place, row in enumerate(_rows(of), 3):
        *texts, exact, _ = _cells(row, of.owner.currency)
        for at, text in enumerate(texts):
            if text and at == number:
                sheet.write_number(place, at, int(text))
            elif text:
                sheet.write_string(place, at, text)
        sheet.write_string(place, len(texts), exact, exact_text)
        balance = row.section in ("opening", "closing")
        sheet.write_number(
            place, len(texts) + 1, float(_decimal(row.amount, of.owner.currency)), total if balance else money
        )
    sheet.freeze_panes(3, 0)
    sheet.set_column(0, len(COLUMNS) - 1, 16)
    book.close()
    return content.getvalue()


def _title(of: Statement) -> str:
    return f"Statement of account of {of.owner}, {of.month.name}, in {of.owner.currency}"


def render_text(of: Statement) -> bytes:
    """A page for people."""
    last = of.month.next - timedelta(days=1)
    lines = [
        "STATEMENT OF ACCOUNT".ljust(WIDTH - 20) + f"{of.month.first:%B %Y}".rjust(20),
        str(of.owner).capitalize().ljust(WIDTH - 20) + f"amounts in {of.owner.currency}".rjust(20),
        "",
        "Charges are positive; payments and credits are negative. A negative balance is money that is still there.",
        f"Days and the month are those of {of.owner.time_zone}"
        + (", of an advertiser's media and entries those of its own time zone." if of.owner.kind == "agency" else "."),
        "",
        _amount(of, f"Opening balance, {of.month.first:%-d %B %Y}", of.rounded(of.opening)),
        "",
    ]
    for section in SECTIONS:
        members = [line for line in of.lines if line.section == section]
        if not members:
            continue
        lines.append(HEADINGS[section])
        before = ""
        for line in members:
            above = _above(of, line)
            if above and above != before:
                lines.append(f"  {above}"[:WIDTH])
            before = above
            lines.append(_amount(of, _label(line), of.rounded(line.amount)))
        total = sum(of.rounded(line.amount) for line in members)
        lines += [_amount(of, "  together", total), ""]
    if of.rounding:
        lines += [_amount(of, "Rounding (lines are rounded one by one, the balance as a whole)", of.rounding), ""]
    lines += [
        "=" * WIDTH,
        _amount(of, f"Closing balance, {last:%-d %B %Y}", of.rounded(of.closing)),
        _line("  exactly", format_nanos(of.closing)),
    ]
    return ("\n".join(_printable(line).rstrip() for line in lines) + "\n").encode()


def _amount(of: Statement, label: str, minor: int) -> str:
    return _line(label, f"{_decimal(minor, of.owner.currency):,f}")


def _line(label: str, figure: str) -> str:
    room = WIDTH - len(figure) - 2
    return (label if len(label) <= room else label[: room - 1] + "…").ljust(room + 2) + figure


def _above(of: Statement, line: Line) -> str:
    """What a group of lines stands under."""
    advertiser = _named(line.advertiser) if of.owner.kind == "agency" else ""
    campaign = f"Campaign {_named(line.campaign)}" if line.campaign.key and not line.transaction else ""
    return ", ".join(part for part in (advertiser, campaign) if part)


def _label(line: Line) -> str:
    if not line.transaction:
        return f"    {_named(line.fee if line.section == 'fees' else line.line_item)}"
    where = _named(line.line_item if line.line_item.key else line.campaign)
    words = [_KINDS.get(line.kind, line.kind), where, line.reason]
    reference = f"[{line.reference}]" if line.reference else ""
    text = ": ".join(word for word in words if word)
    return f"  {line.day}  #{line.transaction} {text} {reference}".rstrip()


def _named(of: Named) -> str:
    return f"{of.name} ({of.key})" if of.name and of.name != of.key else of.key


def _printable(text: str) -> str:
    """Names and reasons come from outside, and must not move anybody's cursor."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


FORMATS: Mapping[str, Callable[[Statement], bytes]] = {"text": render_text, "csv": render_csv, "xlsx": render_xlsx}
