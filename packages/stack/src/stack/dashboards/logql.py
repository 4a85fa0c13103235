"""Builds LogQL. Loki's labels are service, environment and level; all else is metadata."""

from typing import Final

ERRORS: Final = "ERROR|CRITICAL"
PROBLEMS: Final = "WARNING|ERROR|CRITICAL"
_OF_CHOSEN_TENANTS: Final = '| tenant_id=~"$tenant"'


def lines(service: str, level: str, *filters: str) -> str:
    """The lines of services, by level, of the chosen tenants; both are regular expressions."""
    stages = " ".join((_OF_CHOSEN_TENANTS, *filters))
    return f'{{service=~"{service}", level=~"{level}"}} {stages}'


def line_rate(service: str, level: str, *filters: str, by: str) -> str:
    """How many such lines there are in a second."""
    return f"sum by ({by}) (rate({lines(service, level, *filters)} [$__auto]))"


def volume(service: str, *filters: str, by: str) -> str:
    """How many bytes of lines were written in the time shown."""
    return f"sum by ({by}) (bytes_over_time({lines(service, '.+', *filters)} [$__range]))"
