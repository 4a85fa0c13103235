"""JSONL: a JSON object on each line."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import orjson

from data_pipeline.extract.files.chunks import BLANK, Fault, Row
from data_pipeline.extract.files.lines import MAX_LINE, decoded, open_lines

_TOO_LONG = Fault("row_too_long", f"The line has more than {MAX_LINE} bytes.")


def read_jsonl(path: Path, position: int) -> Generator[Row]:
    """The rows after a byte; lines without anything on them are none.

    Raises:
        BrokenFile: the file is not UTF-8.
    """
    with open_lines(path, position) as lines:
        while line := lines.next():
            yield Row(_content(line, lines.position), len(line), lines.position)


def _content(line: bytes, position: int) -> Any:
    if len(line) > MAX_LINE:
        return _TOO_LONG
    if line.isspace():
        return BLANK
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parse_lenient(decoded(line, position))


def _parse_lenient(line: str) -> Any:
    # orjson refuses half a surrogate pair and numbers too large; the record's fields, read
    # otherwise, say better what is wrong.
    try:
        return json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return Fault("invalid_json", f"The line is not JSON: {error}.")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
