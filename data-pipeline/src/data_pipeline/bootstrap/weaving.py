"""Telemetry around the ports."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from opentelemetry.util.types import AttributeValue

from instrumentation.ports import observed
from instrumentation.telemetry import Telemetry

PortT = TypeVar("PortT")


class Weaver:
    """Weaves telemetry around ports."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def store(
        self,
        port: PortT,
        name: str,
        *expected: type[Exception],
        attributes: Mapping[str, AttributeValue] | None = None,
        recurring: Collection[str] = (),
    ) -> PortT:
        """The port, observed; `expected` exceptions are no failures of its own.

        The methods named in `recurring`, such as a look each second, make no traces of their own.
        """
        return observed(
            port,
            kind="store",
            name=name,
            metrics=self._telemetry.metrics,
            tracing=self._telemetry.tracing,
            expected=expected,
            attributes=attributes,
            recurring=recurring,
        )
