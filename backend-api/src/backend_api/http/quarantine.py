"""Routes: records that were not loaded, and their replay."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status

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
from contracts.imports import DataType
from contracts.pages import DEFAULT_PAGE, Page
from contracts.quarantine import (
    FaultCode,
    Origin,
    QuarantinedContent,
    QuarantinedRecord,
    QuarantineFilter,
    QuarantineId,
    QuarantineReplay,
    QuarantineReplayed,
)

router = APIRouter(prefix="/api/v1", tags=["quarantine"])
_AWAY = "data_pipeline_unavailable"
_GONE = "quarantined_record_not_found"
_RecordId = Annotated[QuarantineId, Path(description="The number of a record in quarantine.")]


@router.get(
    "/quarantine",
    responses={
        200: answer("One page of records.", examples.page(examples.QUARANTINED)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List the quarantine",
)
async def list_quarantine(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
    data_type: Annotated[DataType | None, Query(description="Records of this type only.")] = None,
    code: Annotated[FaultCode | None, Query(description="Rejected by this code only.")] = None,
    origin: Annotated[
        Origin | None, Query(description="Of this import or Kafka partition only.")
    ] = None,
) -> Page[QuarantinedRecord]:
    """Records that were not loaded, newest first, each with its reason and place."""
    where = QuarantineFilter(data_type=data_type, code=code, origin=origin)
    return await product.data_pipeline.quarantine(
        caller.tenant_id, where, limit=limit, cursor=cursor
    )


@router.get(
    "/quarantine/{quarantine_id}",
    responses={
        200: answer("The record.", examples.QUARANTINED_CONTENT),
        **read_problems(_GONE, _AWAY),
    },
    summary="Get a record in quarantine",
)
async def get_quarantined(
    quarantine_id: _RecordId, caller: ReadingCaller, product: Provided
) -> QuarantinedContent:
    """One record that was not loaded, with its bytes as they came."""
    return await product.data_pipeline.quarantined(caller.tenant_id, quarantine_id)


@router.delete(
    "/quarantine/{quarantine_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems(_GONE, _AWAY),
    summary="Discard a record in quarantine",
)
async def discard_quarantined(
    quarantine_id: _RecordId, caller: WritingCaller, product: Provided
) -> None:
    """Forget a record for good; the books count it as discarded."""
    await product.data_pipeline.discard_quarantined(caller.tenant_id, quarantine_id)


@router.post(
    "/quarantine/replay",
    response_model=QuarantineReplayed,
    responses={
        200: answer("What became of the records.", examples.REPLAYED),
        **write_body_problems("quarantine_changed", "invalid_cursor", _AWAY),
    },
    openapi_extra=json_body(QuarantineReplay, {"filter": {"code": "unknown_item"}}),
    summary="Replay records in quarantine",
)
async def replay_quarantined(
    request: Request, caller: WritingCaller, product: Provided
) -> Response:
    """Give records to the pipeline again, once what was wrong is mended.

    Give up to 1,000 `ids`, to replay the records as they are; or up to 1,000 `replacements`, the
    mended records; or a `filter`: then the oldest 1,000 of its records are replayed, and
    `next_cursor` leads to the next ones. What is loaded now leaves the quarantine; what is
    rejected stays there for its new reason.
    """
    wanted = await read_json(request, QuarantineReplay)
    return json_answer(await product.data_pipeline.replay(caller.tenant_id, wanted))
