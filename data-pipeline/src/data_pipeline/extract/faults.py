"""What can be wrong with a row of which nothing can be read."""

from typing import Final

from data_pipeline.domain.deliveries import Rejected

MAX_ROW_BYTES: Final = 1024 * 1024
"""Bytes of a row: more than the largest record needs."""

BOM: Final = b"\xef\xbb\xbf"

INVALID_JSON: Final = "invalid_json"
INVALID_UTF8: Final = "invalid_utf8"
BYTE_ORDER_MARK: Final = "byte_order_mark"
ROW_TOO_LONG: Final = "row_too_long"
TRUNCATED: Final = "truncated_record"
INVALID_QUOTES: Final = "invalid_quotes"
STRAY_CARRIAGE_RETURN: Final = "stray_carriage_return"
WRONG_NUMBER_OF_CELLS: Final = "wrong_number_of_cells"

_REASONS: Final = {
    INVALID_UTF8: "The row is not UTF-8: write it as UTF-8.",
    BYTE_ORDER_MARK: (
        "The row holds a byte order mark, which may stand at the start of a file alone: remove it."
    ),
    ROW_TOO_LONG: f"The row has more than {MAX_ROW_BYTES} bytes.",
    TRUNCATED: "The file ends within this row: send the row again as a whole.",
    INVALID_QUOTES: (
        'A cell in quotes is not closed, or goes on after its closing quote: write "" for a quote '
        "within quotes."
    ),
    STRAY_CARRIAGE_RETURN: (
        "The row holds a carriage return outside of quotes that ends no line: remove or quote it."
    ),
}


def fault(index: int, code: str, raw: bytes, reason: str = "") -> Rejected:
    """A row that holds no record; of a long one, the start is kept."""
    return Rejected(index, code, reason or _REASONS[code], raw[:MAX_ROW_BYTES])


def wrong_cells(index: int, cells: int, columns: int, raw: bytes) -> Rejected:
    """A row of a table with a cell too many or too few."""
    reason = f"The row has {cells} cells where the header names {columns} columns."
    return fault(index, WRONG_NUMBER_OF_CELLS, raw, reason)
