"""Reads the messages of a topic, each of which is a JSON record."""

from collections.abc import Sequence

from contracts.imports import DataType
from data_pipeline.domain.extracted import Extracted
from data_pipeline.extract.json_rows import extract_json_rows


def extract_messages(data_type: DataType, values: Sequence[bytes | None]) -> Extracted:
    """The records of messages by their values; one without a value holds no JSON."""
    return extract_json_rows(data_type, [b"" if value is None else value for value in values])
