"""Routes: bulk imports."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, status

from backend_api.domain.errors import UnsupportedMediaType
from backend_api.http import examples
from backend_api.http.authentication import IngestionCaller, ReadingCaller, WritingCaller
from backend_api.http.openapi import answer, read_problems, write_problems
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.product_state import Provided
from contracts.imports import DataType, FileFormat, ImportJob
from contracts.pages import DEFAULT_PAGE, Page

router = APIRouter(tags=["imports"])
_AWAY = "data_pipeline_unavailable"
MEDIA_TYPES: Final = {
    FileFormat.JSONL: "application/x-ndjson",
    FileFormat.CSV: "text/csv",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}
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
        },
    }
}


@router.post(
    "/imports",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        202: answer("The file is taken in; the job stores its rows.", examples.IMPORT),
        **write_problems("unsupported_media_type", "empty_file", "too_many_imports", _AWAY),
    },
    openapi_extra=_FILE,
    summary="Import a file",
)
async def start_import(
    request: Request,
    caller: IngestionCaller,
    product: Provided,
    data_type: Annotated[DataType, Query(description="What the rows of the file are.")],
    file_format: Annotated[
        FileFormat, Query(alias="format", description="How the file is written.")
    ],
) -> ImportJob:
    """Store a whole file of events, items or users by a job; the body is the file itself.

    Its content type must be that of the format. A file is as large as MAX_IMPORT_BYTES at most.
    With the answer, the whole file is on disk; ask for the job to see how far it has come.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != MEDIA_TYPES[file_format]:
        raise UnsupportedMediaType(
            f"a {file_format} file must be declared as content-type: {MEDIA_TYPES[file_format]}"
        )
    return await product.data_pipeline.start_import(
        caller.tenant_id, data_type, file_format, request.stream()
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
