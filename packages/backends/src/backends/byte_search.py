"""Bytes within bytes, in the words of each engine."""

from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class _Place(GenericFunction[int]):
    """Where some bytes begin within others, from 1; 0 for nowhere."""

    name = "instr"
    inherit_cache = True


@compiles(_Place, "postgresql")
def _position(element: _Place, compiler: Any, **options: Any) -> str:
    whole, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"position({part} IN {whole})"


def holds(column: ColumnElement[bytes], part: bytes) -> ColumnElement[bool]:
    """Whether a column of bytes holds some bytes."""
    return _Place(column, literal(part, LargeBinary)) > 0
