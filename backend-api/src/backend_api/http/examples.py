"""The examples of the OpenAPI document: one small world, in which they follow each other."""

from typing import Any, Final

ITEM_ID: Final = "0133093"
USER_ID: Final = "42"
SESSION_ID: Final = "session-7f3a"
EVENT_ID: Final = "e-1"
RECOMMENDATION_ID: Final = "019a8f1e-7c3b-7d52-9d1b-2f6c1f0e8a41"
ERASURE_ID: Final = "019a8f1e-8a10-7c11-8b5d-5a4e3a2f9c07"
MOMENT: Final = "2026-01-31T12:00:00Z"

CONTENT: Final[dict[str, Any]] = {
    "title": "The Matrix",
    "categories": ["Action", "Sci-Fi"],
    "year": 1999,
    "attributes": {"minutes": 136, "languages": ["en"]},
    "location": {"latitude": 52.52, "longitude": 13.405},
    "available": True,
}
STORED_ITEM: Final[dict[str, Any]] = {
    **CONTENT,
    "item_id": ITEM_ID,
    "version": 7,
    "updated_at": MOMENT,
}
PROFILE: Final[dict[str, Any]] = {"attributes": {"plan": "family", "age": 34}}
STORED_USER: Final[dict[str, Any]] = {
    **PROFILE,
    "user_id": USER_ID,
    "version": 3,
    "updated_at": MOMENT,
}
EVENT: Final[dict[str, Any]] = {
    "event_id": EVENT_ID,
    "user_id": USER_ID,
    "item_id": ITEM_ID,
    "event_type": "rating",
    "timestamp": MOMENT,
    "value": 9,
}
STORED_EVENT: Final[dict[str, Any]] = {
    **EVENT,
    "value": 9.0,
    "recommendation_id": None,
    "received_at": MOMENT,
}
BATCH_RESULT: Final[dict[str, Any]] = {"accepted": 1, "duplicates": 0, "rejected": []}
RECOMMENDED: Final[dict[str, Any]] = {
    "item_id": "0234215",
    "score": 1.42,
    "reason": "similar to what you liked",
    "explanation": None,
}
SERVED: Final[dict[str, Any]] = {
    "recommendation_id": RECOMMENDATION_ID,
    "model_version": "7",
    "algorithm": "two-tower",
    "degraded": None,
    "items": [RECOMMENDED],
    "skipped_pins": [],
}
QUESTION: Final[dict[str, Any]] = {
    "user_id": USER_ID,
    "num_items": 10,
    "filters": {"categories": ["Action"], "year": {"min": 1990}},
    "diversity": 0.2,
    "explain": True,
}
RECORD: Final[dict[str, Any]] = {"created_at": MOMENT, "request": QUESTION, "answer": SERVED}
SCENARIO_NAME: Final = "home"
SCENARIO: Final[dict[str, Any]] = {
    "options": {"num_items": 20, "caps": {"category": 5}, "diversity": 0.3}
}
NAMED_SCENARIO: Final[dict[str, Any]] = {**SCENARIO, "name": SCENARIO_NAME}
EVENT_TYPE: Final[dict[str, Any]] = {"event_type": "share", "weight": 2.0, "standard": False}
RULES: Final[dict[str, Any]] = {
    "events": {
        "types": {"rating": {"required": ["value"], "value": {"min": 0, "max": 10}}},
        "max_seconds_ahead": 60,
        "max_age_days": 3650,
        "unknown_items": "accept",
    },
    "items": {
        "required": ["title", "attributes.minutes"],
        "ranges": {"year": {"min": 1888}, "attributes.minutes": {"min": 1, "max": 1000}},
    },
    "users": {"required": [], "ranges": {"attributes.age": {"min": 13}}},
}
RULES_VERSION: Final[dict[str, Any]] = {"version": 3, "created_at": MOMENT, "rules": RULES}
IMPORT: Final[dict[str, Any]] = {
    "import_id": "7g2k9m",
    "tenant_id": "acme",
    "data_type": "items",
    "format": "jsonl",
    "source": "url",
    "source_url": "s3://acme-exports/items.jsonl.gz",
    "mapping": {"name": "title"},
    "bytes": 10_485_760,
    "status": "running",
    "progress": 0.4,
    "rows": 20_000,
    "accepted": 19_999,
    "duplicates": 0,
    "rejected": 1,
    "first_rejections": [
        {"index": 17, "code": "invalid_item", "reason": "item_id: field required"}
    ],
    "notices": {"byte_order_mark": 1},
    "rows_per_second": 250_000.0,
    "seconds_left": 12.5,
    "created_at": MOMENT,
    "started_at": MOMENT,
    "finished_at": None,
    "error": None,
}
IMPORT_REQUEST: Final[dict[str, Any]] = {
    "source_url": "s3://acme-exports/items.jsonl.gz",
    "data_type": "items",
    "mapping": {"name": "title"},
}
COUNTS: Final[dict[str, int]] = {
    "received": 10_000,
    "loaded": 9_990,
    "duplicates": 7,
    "quarantined": 3,
}
ACCOUNTING: Final[dict[str, Any]] = {
    "first": "2026-01-31",
    "last": "2026-01-31",
    "totals": COUNTS,
    "by_source": {"http": COUNTS},
    "by_data_type": {"events": COUNTS},
    "accounts": [{**COUNTS, "day": "2026-01-31", "source": "http", "data_type": "events"}],
    "quarantine": {"waiting": 2, "discarded": 1, "expired": 0, "erased": 0},
    "balanced": True,
    "differences": [],
}
QUARANTINE_ID: Final = 4711
QUARANTINED: Final[dict[str, Any]] = {
    "quarantine_id": QUARANTINE_ID,
    "data_type": "events",
    "source": "http",
    "origin": "",
    "place": 17,
    "code": "invalid_event",
    "reason": "timestamp: field required",
    "cut": False,
    "received_at": MOMENT,
    "expires_at": "2026-03-02T12:00:00Z",
}
QUARANTINED_CONTENT: Final[dict[str, Any]] = {
    **QUARANTINED,
    "raw": '{"event_id": "e-1", "user_id": "42", "item_id": "0133093", "event_type": "view"}',
    "raw_encoding": "utf-8",
}
REPLAYED: Final[dict[str, Any]] = {
    "replayed": 3,
    "loaded": 2,
    "duplicates": 0,
    "rejected": 1,
    "missing": 0,
    "first_rejections": [
        {
            "quarantine_id": QUARANTINE_ID,
            "code": "invalid_event",
            "reason": "timestamp: field required",
        }
    ],
    "next_cursor": None,
}
TRAINING: Final[dict[str, Any]] = {"model_type": "two-tower", "seed": 0}
JOB: Final[dict[str, Any]] = {
    "job_id": "0f9c2a",
    "tenant_id": "acme",
    "snapshot_id": "1a2b3c",
    "model_type": "two-tower",
    "seed": 0,
    "status": "queued",
    "stage": "",
    "progress": 0.0,
    "max_seconds": None,
    "seconds_left": None,
    "attempts": 0,
    "created_at": MOMENT,
    "started_at": None,
    "finished_at": None,
    "model_version": None,
    "error": None,
    "not_promoted": None,
}
SCHEDULE: Final[dict[str, Any]] = {**TRAINING, "every_hours": 24, "min_new_events": 100_000}
SCHEDULED: Final[dict[str, Any]] = {
    **SCHEDULE,
    "next_run_at": MOMENT,
    "last_job_id": "0f9c2a",
    "last_error": None,
}
REPORT: Final[dict[str, Any]] = {
    "ndcg_at_10": {"value": 0.21, "low": 0.2, "high": 0.22},
}
MODEL: Final[dict[str, Any]] = {
    "model_version": "7",
    "tenant_id": "acme",
    "model_type": "two-tower",
    "snapshot_id": "1a2b3c",
    "data_hash": "9f86d081884c7d65",
    "seed": 0,
    "code_version": "0.1.0",
    "parameters": {},
    "created_at": MOMENT,
    "report": REPORT,
    "serving": True,
    "pinned": False,
}
COMPARISON: Final[dict[str, Any]] = {
    "baseline": "6",
    "candidate": "7",
    "same_data": True,
    "metrics": [
        {
            "metric": "ndcg_at_10",
            "baseline": 0.2,
            "baseline_low": 0.19,
            "baseline_high": 0.21,
            "candidate": 0.21,
            "candidate_low": 0.2,
            "candidate_high": 0.22,
            "difference": 0.01,
        }
    ],
}
HISTORY: Final[dict[str, Any]] = {
    "user_id": USER_ID,
    "events": [
        {"item_id": ITEM_ID, "event_type": "rating", "timestamp_ms": 1_769_860_800_000, "value": 9}
    ],
}
MERGED: Final[dict[str, Any]] = {
    "user_id": USER_ID,
    "from_user_id": SESSION_ID,
    "events_moved": 3,
}
RECEIPT: Final[dict[str, Any]] = {
    "erasure_id": ERASURE_ID,
    "user_id_hash": "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
    "requested_at": MOMENT,
    "completed_at": MOMENT,
    "places": [
        {"place": "events", "removed": 12, "remaining": 0},
        {"place": "recommendation log", "removed": 4, "remaining": 0},
    ],
    "complete": True,
}
EXPORT: Final[dict[str, Any]] = {
    "exported_at": MOMENT,
    "data": {
        "user_id": USER_ID,
        "profile": STORED_USER,
        "merged_from": [SESSION_ID],
        "events": [STORED_EVENT],
        "quarantined": [QUARANTINED_CONTENT],
    },
    "recommendations": [RECORD],
}
WEB_VITALS: Final[dict[str, Any]] = {"page": "home", "lcp": 1250.5, "cls": 0.02, "inp": 96}


def page(row: dict[str, Any]) -> dict[str, Any]:
    """The example of a list: its last page, with one row."""
    return {"data": [row], "next_cursor": None}
