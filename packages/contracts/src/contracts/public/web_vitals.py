"""How a page felt to somebody: what browsers measure of it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Milliseconds = Annotated[float, Field(ge=0, le=600_000, allow_inf_nan=False)]
Shift = Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]


class WebVitals(BaseModel):
    """The web vitals of one view of a page, as the web-vitals library gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"minProperties": 2})

    page: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="The kind of page in a plain word, such as `home` or `product-page`.",
        ),
    ]
    cls: Annotated[Shift | None, Field(description="Cumulative layout shift.")] = None
    fcp: Annotated[
        Milliseconds | None, Field(description="First contentful paint, in milliseconds.")
    ] = None
    fid: Annotated[Milliseconds | None, Field(description="First input delay, in ms.")] = None
    inp: Annotated[
        Milliseconds | None, Field(description="Interaction to next paint, in milliseconds.")
    ] = None
    lcp: Annotated[
        Milliseconds | None, Field(description="Largest contentful paint, in milliseconds.")
    ] = None
    ttfb: Annotated[Milliseconds | None, Field(description="Time to first byte, in ms.")] = None

    @model_validator(mode="after")
    def _measured(self) -> "WebVitals":
        if all(getattr(self, name) is None for name in VITALS):
            raise ValueError(f"name at least one of {', '.join(VITALS)}")
        return self


VITALS = ("cls", "fcp", "fid", "inp", "lcp", "ttfb")
