"""CSV from rows and back, as RFC 4180 writes it. What a cell holds stays as it is: `=1+2` too."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from turnout.document import Document, Json
from turnout.manifest.values import Unsendable, text_of

DELIMITERS = (",", ";", "\t", "|")
KEYS = ("rows", "columns", "null", "header", "delimiter")


def write(value: Json) -> str:
    """Write `{rows, columns, null, header, delimiter}`: objects under a line of their keys, lists as they are.

    Without `columns` the keys are those of all rows, as they first come. Raises: Unsendable.
    """
    given = value if isinstance(value, dict) else {"rows": value}
    rows = given.get("rows")
    listed = rows if isinstance(rows, list) else [] if rows is None else [rows]
    columns = _columns(given.get("columns"), listed)
    delimiter = given.get("delimiter", ",")
    if delimiter not in DELIMITERS:
        raise Unsendable("a delimiter of CSV is one of `,`, `;`, `|` and the tab")
    into = StringIO()
    writer = csv.writer(into, delimiter=text_of(delimiter), lineterminator="\r\n")
    if columns and given.get("header") is not False:
        writer.writerow(columns)
    null = text_of(given.get("null"))
    writer.writerows([null if cell is None else text_of(cell) for cell in _cells(row, columns)] for row in listed)
    return into.getvalue()


def _columns(given: Json, rows: Sequence[Json]) -> list[str]:
    if isinstance(given, list) and given:
        return [text_of(one) for one in given]
    return list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))


def _cells(row: Json, columns: Sequence[str]) -> Sequence[Json]:
    if isinstance(row, dict):
        return [row.get(column) for column in columns]
    return row if isinstance(row, list) else [row]


def read(text: str, delimiter: str = "") -> list[Json] | None:
    """Read lines of cells; the delimiter is what the first line has of those we write. None: this is no CSV."""
    known = delimiter or next((one for one in DELIMITERS if one in text.partition("\n")[0]), ",")
    try:
        return [[*row] for row in csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=known) if row]
    except csv.Error:
        return None


def records(text: str) -> list[Json] | None:
    """Read CSV whose first line names the columns: an object for each line after it."""
    rows = read(text)
    if not rows:
        return rows
    head, *rest = rows
    assert isinstance(head, list)
    return [_record(head, row) for row in rest]


def _record(head: list[Json], row: Json) -> Document:
    assert isinstance(row, list)
    return {text_of(name): cell for name, cell in zip(head, row, strict=False)}
