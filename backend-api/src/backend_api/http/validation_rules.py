"""Routes: the rules that the tenant's records are checked by."""

from fastapi import APIRouter, Request, Response, status

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
from contracts.validation_rules import RuleSet, RuleSetVersion

router = APIRouter(prefix="/api/v1/validation-rules", tags=["validation rules"])
_AWAY = "data_pipeline_unavailable"


@router.get(
    "",
    responses={
        200: answer("The rules in force.", examples.RULES_VERSION),
        **read_problems(_AWAY),
    },
    summary="Get the validation rules",
)
async def get_rules(caller: ReadingCaller, product: Provided) -> RuleSetVersion:
    """The rules that records are checked by; version 0 is the standard."""
    return await product.data_pipeline.validation_rules(caller.tenant_id)


@router.put(
    "",
    response_model=RuleSetVersion,
    responses={
        200: answer("The new version.", examples.RULES_VERSION),
        **write_body_problems(_AWAY),
    },
    openapi_extra=json_body(RuleSet, examples.RULES),
    summary="Replace the validation rules",
)
async def put_rules(request: Request, caller: WritingCaller, product: Provided) -> Response:
    """Make a new version of the rules, by which records are checked from now on.

    What is left out is as in the standard. Rules that are as they were keep their version.
    """
    rules = await read_json(request, RuleSet)
    return json_answer(await product.data_pipeline.set_validation_rules(caller.tenant_id, rules))


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems(_AWAY),
    summary="Reset the validation rules",
)
async def delete_rules(caller: WritingCaller, product: Provided) -> None:
    """Go back to the standard; the versions before stay listed."""
    await product.data_pipeline.delete_validation_rules(caller.tenant_id)


@router.get(
    "/versions",
    responses={
        200: answer("One page of versions.", examples.page(examples.RULES_VERSION)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List versions of the validation rules",
)
async def list_versions(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[RuleSetVersion]:
    """Every version that was set, newest first."""
    return await product.data_pipeline.validation_rules_versions(
        caller.tenant_id, limit=limit, cursor=cursor
    )
