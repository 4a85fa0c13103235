"""Colours that mean something: green is well, orange wants a look, red wants someone now."""

from typing import Final, Literal

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

GREEN: Final = "green"
ORANGE: Final = "orange"
RED: Final = "red"
NEUTRAL: Final = "blue"
Colour = Literal["green", "orange", "red", "blue"]


def rising(orange: float, red: float) -> builders.ThresholdsConfig:
    """The higher, the worse: orange and red from these values on."""
    return _steps((None, GREEN), (orange, ORANGE), (red, RED))


def falling(orange: float, red: float) -> builders.ThresholdsConfig:
    """The lower, the worse: orange below the first value, red below the second."""
    return _steps((None, RED), (red, ORANGE), (orange, GREEN))


def none_allowed() -> builders.ThresholdsConfig:
    """Anything above zero is red."""
    return _steps((None, GREEN), (1e-9, RED))


def some_tolerated() -> builders.ThresholdsConfig:
    """Anything above zero is orange."""
    return _steps((None, GREEN), (1e-9, ORANGE))


def plain() -> builders.ThresholdsConfig:
    """A figure that is neither good nor bad."""
    return _steps((None, NEUTRAL))


def states(names: dict[int, tuple[str, Colour]]) -> list[models.ValueMapping]:
    """Words and colours for numbers that stand for states."""
    results = {
        str(value): models.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(names.items())
    }
    return [models.ValueMap(options=results)]


def up_or_down() -> list[models.ValueMapping]:
    """What `up` and the exporters' own `_up` metrics say."""
    return states({1: ("UP", GREEN), 0: ("DOWN", RED)})


def circuits() -> list[models.ValueMapping]:
    """What `circuit_breaker_state` says."""
    return states({0: ("closed", GREEN), 1: ("half open", ORANGE), 2: ("open", RED)})


def _steps(*steps: tuple[float | None, str]) -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=colour) for value, colour in steps])
    )
