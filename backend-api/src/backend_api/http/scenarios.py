"""Routes: scenarios."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, status

from backend_api.domain.cursors import from_cursor, to_cursor
from backend_api.http import examples
from backend_api.http.answers import json_answer
from backend_api.http.authentication import ReadingCaller, WritingCaller
from backend_api.http.bodies import read_json
from backend_api.http.openapi import (
    answer,
    json_body,
    read_problems,
    write_body_problems,
    write_problems,
)
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.product_state import Provided
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.recommendations import Scenario, ScenarioName, ScenarioSettings

router = APIRouter(prefix="/api/v1", tags=["scenarios"])
Name = Annotated[ScenarioName, Path(description="A scenario's name, such as `home`.")]


@router.get(
    "/scenarios",
    response_model=Page[Scenario],
    responses={
        200: answer("One page of scenarios.", examples.page(examples.NAMED_SCENARIO)),
        **read_problems("invalid_cursor"),
    },
    summary="List scenarios",
)
async def list_scenarios(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """The tenant's presets by name; of each, the options that it sets."""
    after = "" if cursor is None else str(from_cursor(cursor, str)[0])
    rows = await product.scenarios.list_after(caller.tenant_id, after, limit + 1)
    more = len(rows) > limit
    page = Page[Scenario](
        data=list(rows[:limit]), next_cursor=to_cursor(rows[limit - 1].name) if more else None
    )
    return json_answer(page.model_dump_json(exclude_unset=True).encode())


@router.get(
    "/scenarios/{name}",
    response_model=Scenario,
    responses={
        200: answer("The scenario.", examples.NAMED_SCENARIO),
        **read_problems("scenario_not_found"),
    },
    summary="Get a scenario",
)
async def get_scenario(name: Name, caller: ReadingCaller, product: Provided) -> Response:
    """One preset, with the options that it sets."""
    return _shown(await product.scenarios.get(caller.tenant_id, name))


@router.put(
    "/scenarios/{name}",
    response_model=Scenario,
    responses={
        200: answer("The scenario is replaced.", examples.NAMED_SCENARIO),
        201: answer("The scenario is new.", examples.NAMED_SCENARIO, Scenario),
        **write_body_problems(),
    },
    openapi_extra=json_body(ScenarioSettings, examples.SCENARIO),
    summary="Put a scenario",
)
async def put_scenario(
    request: Request, name: Name, caller: WritingCaller, product: Provided
) -> Response:
    """Create or replace a preset of ranking options, such as `home`, `product-page` or `cart`.

    A request that names it gets its options, but for those that the request sets itself. Other
    replicas of the service notice a change within five seconds.
    """
    settings = await read_json(request, ScenarioSettings)
    scenario = Scenario(name=name, options=settings.options)
    new = await product.scenarios.put(caller.tenant_id, scenario)
    return _shown(scenario, status.HTTP_201_CREATED if new else status.HTTP_200_OK)


@router.delete(
    "/scenarios/{name}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems("scenario_not_found"),
    summary="Delete a scenario",
)
async def delete_scenario(name: Name, caller: WritingCaller, product: Provided) -> None:
    """Forget a preset; requests that name it are answered with 404 from then on."""
    await product.scenarios.delete(caller.tenant_id, name)


def _shown(scenario: Scenario, code: int = status.HTTP_200_OK) -> Response:
    # What is not set is not part of the preset, and so not shown.
    return json_answer(scenario.model_dump_json(exclude_unset=True).encode(), code)
