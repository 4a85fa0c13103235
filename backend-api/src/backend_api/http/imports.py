"""Routes: bulk imports."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, status
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter

from backend_api.domain.errors import UnsupportedMediaType
from backend_api.http import examples
from backend_api.http.authentication import IngestionCaller, ReadingCaller, WritingCaller
from backend_api.http.bodies import read_small_json
from backend_api.http.openapi import JSON, answer, read_problems, write_problems
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.product_state import Provided
from contracts.imports import (
    MEDIA_TYPES,
    ColumnMapping,
    DataType,
    FileFormat,
    ImportJob,
    ImportRequest,
)
from contracts.pages import DEFAULT_PAGE, Page
from web.json_parameters import read_json_parameter

router = APIRouter(prefix="/api/v1", tags=["imports"])
_MAPPING: Final = TypeAdapter(ColumnMapping)
_AWAY = "data_pipeline_unavailable"
_ROWS: Final = {
    FileFormat.JSONL: '{"item_id": "0133093", "title": "The Matrix", "year": 1999}\n',
    FileFormat.CSV: "item_id,title,year\n0133093,The Matrix,1999\n",
}
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {
                "schema": {"type": "string", "format": "binary"},
                **({"example": _ROWS[file_format]} if file_format in _ROWS else {}),
            }
            for file_format, media_type in MEDIA_TYPES.items()
        }
        | {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{ImportRequest.__name__}"},
                "example": examples.IMPORT_REQUEST,
            }
        },
    }
}


@router.post(
    "/imports",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        202: answer("The file is taken in; the job stores its rows.", examples.IMPORT),
        **write_problems(
            "invalid_json",
            "unsupported_media_type",
            "empty_file",
            "source_not_allowed",
            "unknown_format",
            "too_many_imports",
            _AWAY,
        ),
    },
    openapi_extra=_FILE,
    summary="Import a file",
)
async def start_import(
    request: Request,
    caller: IngestionCaller,
    product: Provided,
    data_type: Annotated[
        DataType | None, Query(description="What the rows of the file are, where it is the body.")
    ] = None,
    file_format: Annotated[
        FileFormat | None,
        Query(alias="format", description="How the file is written, where it is the body."),
    ] = None,
    mapping: Annotated[
        str | None,
        Query(description="From names of its columns to names of fields, as a JSON object."),
    ] = None,
) -> ImportJob:
    """Store a whole file of events, items or users by a job.

    The body is the file itself, with the content type of its format, `data_type` and `format`; or
    it is JSON with the `source_url` of a file that the job fetches (`s3://bucket/key`,
    `file:///folder/name`), where the operator allows that. A file whose name ends in .gz or .zst is
    decompressed. Without its compression it is as large as MAX_IMPORT_BYTES at most. A file in the
    body is on disk with the answer; ask for the job to see how far it has come.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared == JSON:
        wanted = await read_small_json(request, ImportRequest)
        return await product.data_pipeline.start_import_from_url(caller.tenant_id, wanted)
    if data_type is None or file_format is None:
        raise RequestValidationError([_missing("data_type" if data_type is None else "format")])
    if declared != MEDIA_TYPES[file_format]:
        raise UnsupportedMediaType(
            f"a {file_format} file must be declared as content-type: {MEDIA_TYPES[file_format]}"
        )
    columns = read_json_parameter(_MAPPING, "mapping", mapping) if mapping else None
    return await product.data_pipeline.start_import(
        caller.tenant_id, data_type, file_format, request.stream(), columns
    )


@router.get(
    "/imports",
    responses={
        200: answer("One page of imports.", examples.page(examples.IMPORT)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List imports",
)
async def list_imports(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[ImportJob]:
    """Imports, newest first."""
    return await product.data_pipeline.import_jobs(caller.tenant_id, limit=limit, cursor=cursor)


@router.get(
    "/imports/{import_id}",
    responses={
        200: answer("The import.", examples.IMPORT),
        **read_problems("import_not_found", _AWAY),
    },
    summary="Get an import",
)
async def get_import(import_id: str, caller: ReadingCaller, product: Provided) -> ImportJob:
    """How an import stands: its progress, its counts, its first rejected rows."""
    return await product.data_pipeline.import_job(caller.tenant_id, import_id)


@router.post(
    "/imports/{import_id}/cancel",
    responses={
        200: answer("The import as it stands.", examples.IMPORT),
        **write_problems("import_not_found", "import_finished", _AWAY),
    },
    summary="Cancel an import",
)
async def cancel_import(import_id: str, caller: WritingCaller, product: Provided) -> ImportJob:
    """End an import; the rows that it has stored stay."""
    return await product.data_pipeline.cancel_import(caller.tenant_id, import_id)


def _missing(parameter: str) -> dict[str, Any]:
    return {"type": "missing", "loc": ("query", parameter), "msg": "Field required"}
