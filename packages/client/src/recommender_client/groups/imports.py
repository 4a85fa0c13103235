"""Bulk imports."""

from collections.abc import Callable

from pydantic import TypeAdapter

from contracts.imports import ColumnMapping, DataType, FileFormat, ImportJob, ImportRequest
from contracts.pages import DEFAULT_PAGE, Page
from recommender_client.calls import Call, Plan, fetch, upload, write
from recommender_client.groups.jobs import POLL_SECONDS, WAIT_SECONDS, until_completed
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT
from recommender_client.uploads import Source, upload_of

_job = ImportJob.model_validate_json
_job_page = Page[ImportJob].model_validate_json
_mapping = TypeAdapter(ColumnMapping)


class Imports(Group[RunnerT]):
    """Files of records, taken in by jobs."""

    @Operation
    def start(
        self,
        data_type: DataType,
        source: Source,
        *,
        file_format: FileFormat | None = None,
        mapping: ColumnMapping | None = None,
    ) -> Call[ImportJob]:
        """Send a file: its path, its bytes, or an iterator over pieces of it.

        It is sent as it is read, so its size is no matter. The format is taken from a path's
        suffix (.jsonl, .ndjson, .csv, .parquet) where it is not given. `mapping` goes from names
        of its columns to names of fields. An iterator can be read once only, so a broken
        connection is not tried again then.
        """
        content = upload_of(source, file_format)
        query = {"data_type": data_type.value, "format": content.file_format.value}
        if mapping:
            query["mapping"] = _mapping.dump_json(mapping).decode()
        return upload(_job, content, "imports", **query)

    @Operation
    def start_from_url(
        self,
        data_type: DataType,
        source_url: str,
        *,
        file_format: FileFormat | None = None,
        mapping: ColumnMapping | None = None,
    ) -> Call[ImportJob]:
        """Have the service fetch a file: `s3://bucket/key` or `file:///folder/name`.

        The operator says which of them it may. The format is taken from the end of the name where
        it is not given; one that ends in .gz or .zst is decompressed.
        """
        request = ImportRequest(
            source_url=source_url, data_type=data_type, format=file_format, mapping=mapping or {}
        )
        return write("POST", _job, "imports", body=request)

    @Operation
    def wait(
        self,
        import_id: str,
        *,
        timeout_seconds: float = WAIT_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        on_progress: Callable[[ImportJob], None] | None = None,
    ) -> Plan[ImportJob]:
        """Wait until an import is completed; `on_progress` sees the job at each look.

        Raises `JobFailed` where it failed or was cancelled, `TimedOut` where it takes longer.
        """
        return until_completed(
            lambda: fetch(_job, "imports", import_id),
            timeout_seconds=timeout_seconds,
            poll_seconds=poll_seconds,
            on_progress=on_progress,
        )

    @Operation
    def get(self, import_id: str) -> Call[ImportJob]:
        """How an import stands."""
        return fetch(_job, "imports", import_id)

    @Operation
    def cancel(self, import_id: str) -> Call[ImportJob]:
        """End an import; what it has stored stays."""
        return write("POST", _job, "imports", import_id, "cancel")

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[ImportJob]:
        """All imports, newest first."""
        return pages(_job_page, "imports", page_size=page_size)
