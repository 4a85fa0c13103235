"""Tenants: who owns keys, events, items and models."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer; `tenant_id` is chosen once, `name` is for people."""

    tenant_id: str
    name: str
    created_at: datetime
