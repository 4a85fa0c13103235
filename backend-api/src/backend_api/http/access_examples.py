"""The examples of the routes on tenants, plans, keys, usage and the audit log."""

from typing import Any, Final

from backend_api.http.examples import MOMENT

TENANT_ID: Final = "acme"
KEY_ID: Final = "3kTMd9xQw0Za"
KEY: Final[dict[str, Any]] = {
    "key_id": KEY_ID,
    "tenant_id": TENANT_ID,
    "name": "web shop",
    "scopes": ["read", "write"],
    "created_at": MOMENT,
    "expires_at": None,
    "last_used_at": MOMENT,
    "revoked_at": None,
}
NEW_KEY: Final[dict[str, Any]] = {"name": "web shop", "scopes": ["read", "write"]}
CREATED_KEY: Final[dict[str, Any]] = {
    **KEY,
    "last_used_at": None,
    "key": f"rk_{KEY_ID}_<43 letters and digits>",
}
PLAN_SETTINGS: Final[dict[str, Any]] = {
    "limits": {
        "serving": {"per_second": 500, "burst": 1000},
        "ingestion": {"per_second": 100, "burst": 200},
        "management": {"per_second": 50, "burst": 100},
    },
    "monthly_requests": 10_000_000,
    "price_per_1000_requests": "0.50",
    "currency": "EUR",
}
PLAN_ID: Final = "standard"
PLAN: Final[dict[str, Any]] = {**PLAN_SETTINGS, "plan_id": PLAN_ID}
TENANT: Final[dict[str, Any]] = {
    "tenant_id": TENANT_ID,
    "name": "Acme Ltd",
    "plan_id": PLAN_ID,
    "status": "active",
    "created_at": MOMENT,
}
TENANT_ACCOUNT: Final[dict[str, Any]] = {**TENANT, "plan": PLAN, "requests_this_month": 48_213}
USAGE: Final[dict[str, Any]] = {
    "rows": [
        {
            "day": "2026-01-31",
            "tenant_id": TENANT_ID,
            "endpoint": "/api/v1/recommendations",
            "requests": 1_210,
            "billed_requests": 1_200,
            "tokens": 12_000,
            "cost": "0.6",
            "currency": "EUR",
        }
    ],
    "totals": [
        {
            "requests": 1_210,
            "billed_requests": 1_200,
            "tokens": 12_000,
            "cost": "0.6",
            "currency": "EUR",
        }
    ],
}
AUDIT_ENTRY: Final[dict[str, Any]] = {
    "audit_id": "5f0c1e8a4b3d4f6f9b1a2c3d4e5f6a7b",
    "at": MOMENT,
    "actor": KEY_ID,
    "tenant_id": TENANT_ID,
    "action": "key.create",
    "target": KEY_ID,
    "details": {"name": "web shop", "scopes": ["read", "write"]},
}
