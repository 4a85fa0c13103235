"""What a SQL statement counts as: its kind and its table, both from a bounded set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from instrumentation.redaction import redact

OTHER: Final = "other"
_KINDS: Final = frozenset({"select", "insert", "update", "delete"})
_MAX_KNOWN: Final = 1024
_MAX_TABLES: Final = 100
_MAX_TEXT: Final = 2000
_FIRST_WORD: Final = re.compile(r"\s*(?:/\*.*?\*/\s*)*(\w+)", re.DOTALL)
_TABLE: Final = re.compile(
    r"\b(?:FROM|INTO|UPDATE)\s+(?:ONLY\s+)?[\"`\[]?(\w+)(?:[\"`\]]?\.[\"`\[]?(\w+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class StatementKind:
    """How a statement is measured and traced."""

    query_type: str
    table: str
    span_name: str
    attributes: Mapping[str, str]


class StatementCatalogue:
    """Classifies statements and remembers the first 1,024 of them.

    SQLAlchemy writes values as parameters, so the texts are few; an IN list makes one for each
    length. Past a hundred tables a new one counts as "other".
    """

    def __init__(self) -> None:
        self._known: dict[str, StatementKind] = {}
        self._tables: set[str] = set()

    def classify(self, statement: str) -> StatementKind:
        """The kind of a statement."""
        known = self._known.get(statement)
        if known is not None:
            return known
        kind = self._read(statement)
        if len(self._known) < _MAX_KNOWN:
            self._known[statement] = kind
        return kind

    def _read(self, statement: str) -> StatementKind:
        query_type = _query_type(statement)
        table = OTHER if query_type == OTHER else self._bounded(_table(statement))
        operation = query_type.upper() if query_type != OTHER else _first_word(statement).upper()
        attributes = {
            "db.operation.name": operation,
            "db.query.text": redact(statement[:_MAX_TEXT]),
        }
        if table == OTHER:
            return StatementKind(query_type, table, operation, attributes)
        attributes["db.collection.name"] = table
        return StatementKind(query_type, table, f"{operation} {table}", attributes)

    def _bounded(self, table: str) -> str:
        if table in self._tables or len(self._tables) < _MAX_TABLES:
            self._tables.add(table)
            return table
        return OTHER


def _first_word(statement: str) -> str:
    match = _FIRST_WORD.match(statement)
    return match[1].lower() if match else OTHER


def _query_type(statement: str) -> str:
    word = _first_word(statement)
    # A common table expression nearly always begins a SELECT.
    if word == "with":
        return "select"
    return word if word in _KINDS else OTHER


def _table(statement: str) -> str:
    match = _TABLE.search(statement)
    if match is None:
        return OTHER
    return (match[2] or match[1]).lower()
