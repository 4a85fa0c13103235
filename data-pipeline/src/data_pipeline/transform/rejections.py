"""From what pydantic says of a record to a code for programs and a sentence for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.attributes import MAX_ATTRIBUTES
from data_pipeline.domain.deliveries import Rejected

_TYPE_FAULTS: Final = frozenset(
    {
        "bool_parsing",
        "bool_type",
        "dict_type",
        "float_parsing",
        "float_type",
        "int_parsing",
        "int_type",
        "list_type",
        "model_type",
        "string_type",
    }
)
_CODE_OF_FIELD: Final = {"timestamp": "invalid_timestamp", "event_type": "unknown_event_type"}
_NESTED: Final = frozenset({"attributes", "location"})
"""Fields with a shape of their own, a fault in which is named by the field."""

_MAX_NAME: Final = 40

ATTRIBUTES: Final = (
    f"an object of at most {MAX_ATTRIBUTES} attributes; a name is a letter and up to 63 letters, "
    "digits and underscores, a value is true, false, a number, a string of at most 500 characters "
    "or a list of at most 100 such strings"
)
"""What the attributes of a record are expected to be."""


class Fault(NamedTuple):
    """Why a record is rejected: a code for programs and a sentence for people."""

    code: str
    reason: str

    def of(self, index: int, raw: bytes) -> Rejected:
        """The record at `index` with this fault."""
        return Rejected(index, self.code, self.reason, raw)


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record: its name with the article, and what each field is expected to be."""

    name: str
    expected: Mapping[str, str]

    def fault(self, error: ValidationError) -> Fault:
        """The first fault that was found in a record."""
        first = error.errors(include_url=False)[0]
        code = _code(first)
        return Fault(code, self._reason(code, first))

    def _reason(self, code: str, error: ErrorDetails) -> str:
        fields = ", ".join(self.expected)
        if code == "not_an_object":
            return f"The record must be a JSON object with the fields of {self.name}: {fields}."
        name = str(error["loc"][0]) if error["loc"] else ""
        if code == "unexpected_field":
            return f"{_shown(name)} is no field of {self.name}; the fields are {fields}."
        if code == "missing_field":
            return f"{name} is missing; it must be {self.expected[name]}."
        return f"{name} must be {self.expected[name]}."


def _code(error: ErrorDetails) -> str:
    fault = error["type"]
    depth = len(error["loc"])
    field = str(error["loc"][0]) if depth else ""
    if depth > 1 and field in _NESTED:
        return "invalid_value"
    if fault == "model_type" and depth == 0:
        return "not_an_object"
    if fault == "missing":
        return "missing_field"
    # A fault that stands at no field is a field name that is not Unicode.
    if fault == "extra_forbidden" or depth == 0:
        return "unexpected_field"
    return "invalid_type" if fault in _TYPE_FAULTS else _code_of(field)


def _code_of(field: str) -> str:
    if field.endswith("_id"):
        return "invalid_identifier"
    return _CODE_OF_FIELD.get(field, "invalid_value")


def _shown(name: str) -> str:
    # Whoever sends a megabyte as a name need not get it back.
    return ascii(name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}...")
