"""The stable codes of every error that the public API answers: the one list of them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A code, its status, what it means and what the caller can do."""

    code: str
    status: int
    meaning: str
    action: str


_REQUEST: Final = (
    ErrorCode("invalid_json", 400, "The body is not JSON.", "Mend the body."),
    ErrorCode(
        "invalid_request", 422, "A value is missing or out of its range.",
        "Mend the fields that `errors` names.",
    ),
    ErrorCode(
        "invalid_cursor", 422, "The cursor is not one that a page gave.",
        "Use `next_cursor` of the page before, or none for the first page.",
    ),
    ErrorCode(
        "invalid_precondition", 422, "If-Match or If-None-Match cannot be understood.",
        'Send If-Match with the ETag of the record, such as `"7"`, or If-None-Match: *.',
    ),
    ErrorCode(
        "invalid_idempotency_key", 422, "The Idempotency-Key is of no use as one.",
        "Send 1 to 255 visible ASCII characters, once.",
    ),
    ErrorCode(
        "idempotency_key_reused", 422, "The Idempotency-Key was used for another request.",
        "Use a new key for each request.",
    ),
    ErrorCode(
        "idempotency_key_in_use", 409, "The request with this Idempotency-Key still runs.",
        "Ask again after Retry-After seconds.",
    ),
    ErrorCode("body_too_large", 413, "The body is too large.", "Send smaller batches."),
    ErrorCode(
        "unsupported_media_type", 415, "The body is not declared as what the route reads.",
        "Send the content type that the route names, plain or by gzip or zstd.",
    ),
    ErrorCode("no_such_path", 404, "There is nothing at this path.", "See /openapi.json."),
    ErrorCode(
        "method_not_allowed", 405, "The path takes other methods.", "See the Allow header."
    ),
    ErrorCode(
        "http_error", 400, "The request breaks HTTP itself.", "Read `detail` and mend the request."
    ),
)  # fmt: skip

_ACCESS: Final = (
    ErrorCode(
        "missing_api_key", 401, "There is no API key.",
        "Send `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    ),
    ErrorCode(
        "invalid_api_key", 401, "The API key is unknown, expired or revoked.",
        "Check the key, or ask for another.",
    ),
    ErrorCode(
        "insufficient_scope", 403, "The key lacks the scope of this operation.",
        "Use a key that has it.",
    ),
    ErrorCode(
        "tenant_key_required", 403, "The key belongs to the operator and to no tenant.",
        "Use a tenant's key.",
    ),
    ErrorCode(
        "tenant_suspended", 403, "The tenant is suspended.", "Ask who runs the service."
    ),
    ErrorCode(
        "rate_limited", 429, "The tenant asks too often.",
        "Wait for Retry-After seconds; the RateLimit headers say what is left.",
    ),
    ErrorCode(
        "quota_exceeded", 429, "The requests of this month are used up.",
        "Wait for the next month (UTC), or ask for another plan.",
    ),
)  # fmt: skip

_ADMINISTRATION: Final = (
    ErrorCode(
        "invalid_tenant_id", 422, "The name is no tenant id.",
        "Use up to 63 lower-case letters, digits and hyphens.",
    ),
    ErrorCode("tenant_exists", 409, "The tenant id is taken.", "Choose another."),
    ErrorCode("tenant_not_found", 404, "Nobody has this tenant id.", "List the tenants."),
    ErrorCode("key_not_found", 404, "There is no such key.", "List the keys."),
    ErrorCode(
        "key_not_active", 409, "The key is revoked or expired.", "Create a new key instead."
    ),
    ErrorCode(
        "invalid_key_expiry", 422, "The key would end before it begins.",
        "Give a time in the future.",
    ),
    ErrorCode("plan_not_found", 404, "There is no such plan.", "List the plans, or set it."),
    ErrorCode(
        "plan_in_use", 409, "The plan is the default or has tenants.",
        "Put its tenants on another plan first.",
    ),
)  # fmt: skip

_RECORDS: Final = (
    ErrorCode(
        "no_valid_records", 422, "No record of the batch is valid; nothing was stored.",
        "Mend the records that `errors` names.",
    ),
    ErrorCode(
        "quarantined_record_not_found", 404, "There is no such record in quarantine.",
        "List the quarantine: the record was replayed or discarded, or has expired.",
    ),
    ErrorCode(
        "quarantine_changed", 409, "Some of the records left the quarantine meanwhile.",
        "Ask again: what was replayed until then stays replayed.",
    ),
    ErrorCode(
        "version_conflict", 412, "The record has changed, or is there already.",
        "Get the record again, and decide anew.",
    ),
    ErrorCode(
        "rule_broken", 422, "The record breaks a validation rule of the tenant.",
        "Mend what `detail` names, or replace the validation rules.",
    ),
    ErrorCode("item_not_found", 404, "The tenant has no such item.", "Send the item first."),
    ErrorCode("user_not_found", 404, "Nothing is stored of this user.", "Check the user id."),
    ErrorCode("event_not_found", 404, "The tenant has no such event.", "Check the event id."),
    ErrorCode(
        "event_type_not_found", 404, "The tenant has no such event type.",
        "Declare it by PUT /event-types/{event_type}.",
    ),
    ErrorCode(
        "too_many_event_types", 409, "The tenant has as many own event types as there may be.",
        "Delete one first.",
    ),
    ErrorCode(
        "merge_cycle", 409, "The two ids are one user already.", "Check the two ids."
    ),
    ErrorCode(
        "already_merged", 409, "The id was merged into another user before.", "Check the id."
    ),
    ErrorCode("import_not_found", 404, "There is no such import.", "List the imports."),
    ErrorCode("import_finished", 409, "The import has ended already.", "Nothing is left to do."),
    ErrorCode(
        "too_many_imports", 429, "As many imports wait as may wait.",
        "Wait for Retry-After seconds, or for one of them to end.",
    ),
    ErrorCode(
        "too_many_batches", 429, "As many batches are in work as may be; nothing was stored.",
        "Send it again after Retry-After seconds.",
    ),
    ErrorCode("empty_file", 422, "The file has no bytes.", "Send the file as the body."),
    ErrorCode(
        "source_not_allowed", 422, "The operator lets no import fetch this file.",
        "Send the file as the body, or have the operator allow its bucket or folder.",
    ),
    ErrorCode(
        "unknown_format", 422, "The name of the file does not say how it is written.",
        "Give `format`.",
    ),
)  # fmt: skip

_RECOMMENDATIONS: Final = (
    ErrorCode(
        "scenario_not_found", 404, "The tenant has no such scenario.",
        "List the scenarios, or put it.",
    ),
    ErrorCode(
        "recommendation_not_found", 404, "There is no such recommendation, or none any more.",
        "Ask for a new one; answers are kept for RECOMMENDATION_LOG_DAYS.",
    ),
    ErrorCode(
        "nothing_to_recommend", 409, "The tenant has no items to recommend yet.",
        "Send items and events, then train.",
    ),
    ErrorCode("model_not_found", 404, "There is no such model.", "List the models."),
    ErrorCode("model_damaged", 409, "The model's files are damaged.", "Train again."),
    ErrorCode(
        "nothing_to_roll_back_to", 409, "No other model served before this one.",
        "Activate a model of the list.",
    ),
    ErrorCode(
        "training_job_ended", 409, "The training job has ended already.", "Nothing is left to do."
    ),
    ErrorCode(
        "too_many_training_jobs", 429, "As many training jobs of the tenant wait or run as may be.",
        "Wait for Retry-After seconds, or for one of them to end, or cancel one.",
    ),
    ErrorCode(
        "training_job_not_found", 404, "There is no such training job.", "List the jobs."
    ),
    ErrorCode("snapshot_not_found", 404, "There is no such snapshot.", "Start a new job."),
    ErrorCode(
        "empty_snapshot", 409, "There are no events to train from.", "Send events first."
    ),
    ErrorCode("snapshot_damaged", 409, "The snapshot cannot be read.", "Start a new job."),
    ErrorCode(
        "schedule_not_found", 404, "There is no training schedule.", "Put one."
    ),
    ErrorCode("erasure_not_found", 404, "There is no such receipt.", "List the erasures."),
)  # fmt: skip

_AVAILABILITY: Final = (
    ErrorCode(
        "ml_engine_unavailable", 503,
        "Models cannot be asked now, and nothing can stand in for the answer.",
        "Ask again after Retry-After seconds.",
    ),
    ErrorCode(
        "data_pipeline_unavailable", 503, "Records cannot be stored or read now.",
        "Send again after Retry-After seconds: nothing of the request was acknowledged.",
    ),
    ErrorCode(
        "storage_unavailable", 503, "The service's own storage does not answer now.",
        "Ask again after Retry-After seconds.",
    ),
    ErrorCode(
        "internal_error", 500, "The service failed unexpectedly.",
        "Ask again; report the trace id where it stays.",
    ),
)  # fmt: skip

SECTIONS: Final[tuple[tuple[str, tuple[ErrorCode, ...]], ...]] = (
    ("Requests", _REQUEST),
    ("Keys and limits", _ACCESS),
    ("Administration", _ADMINISTRATION),
    ("Records", _RECORDS),
    ("Recommendations, training and privacy", _RECOMMENDATIONS),
    ("Availability", _AVAILABILITY),
)
ERROR_CODES: Final = {one.code: one for _, section in SECTIONS for one in section}
