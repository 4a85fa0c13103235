"""Which metrics a PromQL expression asks for."""

import re
from typing import Final

_STRINGS: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")
_SELECTORS: Final = re.compile(r"\{[^}]*\}|\[[^\]]*\]")
_NAMED_METRIC: Final = re.compile(r"__name__\s*=~?\s*\"([^\"]*)\"")
_LABEL_LISTS: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAMES: Final = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])")
_WORDS: Final = frozenset(
    {
        *("and", "or", "unless", "bool", "offset", "atan2", "start", "end", "inf", "nan"),
        *("by", "without", "on", "ignoring", "group_left", "group_right"),
    }
)


def metric_names(expression: str) -> frozenset[str]:
    """The metrics in an expression; `_bucket`, `_count` and `_sum` stay as they are written.

    Goes by the words and parses nothing: promtool checks that the expression is sound.
    """
    named = {one for names in _NAMED_METRIC.findall(expression) for one in names.split("|")}
    rest = _STRINGS.sub('""', expression)
    for pattern in (_SELECTORS, _LABEL_LISTS):
        rest = pattern.sub(" ", rest)
    found = {name for name in _NAMES.findall(rest) if name.lower() not in _WORDS}
    return frozenset(found | named)
