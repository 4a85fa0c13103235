"""The service level objectives as they stand in observability/slo/slo.yml."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stack.places import OBSERVABILITY

SPEC: Final = OBSERVABILITY / "slo" / "slo.yml"

Text = Annotated[str, Field(min_length=1)]
Service = Literal["backend-api", "ml-engine", "data-pipeline"]


class Objective(BaseModel):
    """One objective: the share `objective` of its events is to be good over the window.

    `good` and `total` are PromQL expressions without labels, in events per second over five
    minutes; for an objective on time, `total` is 1 and `good` the share of the five minutes.
    `witness` is PromQL that is above 0 while there are such events, by other series than those of
    `total`: where it is and `total` is not, the objective is measured no more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    slo: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: Text
    owner: Service
    objective: Annotated[float, Field(gt=0, lt=1)]
    description: Text
    good: Text
    total: Text
    witness: Text

    @property
    def error_budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.objective, 9)


class Spec(BaseModel):
    """All objectives, and the days over which each is to hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Annotated[str, Field(pattern=r"^[1-9][0-9]*d$")]
    slos: Annotated[Sequence[Objective], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> "Spec":
        names = [one.slo for one in self.slos]
        if len(set(names)) < len(names):
            raise ValueError("two objectives have the same name")
        return self


def load_spec(path: Path = SPEC) -> Spec:
    """Read the spec. Raises `OSError`, `yaml.YAMLError` or pydantic's `ValidationError`."""
    return Spec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
