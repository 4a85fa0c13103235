"""The requests of many tenants: what each is, and how often."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from benchmarks.load.popularity import Popularity

ITEMS: Final = 500
USERS: Final = 500
CATEGORIES: Final = 12
BATCH: Final = 50
SHARES: Final[Mapping[str, float]] = {
    "recommendation": 0.70,
    "similar items": 0.045,
    "event": 0.14,
    "batch of events": 0.04,
    "item changed": 0.07,
    "user erased": 0.005,
}
TYPES: Final = ("view", "view", "view", "click", "like", "purchase")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer, and a key of theirs."""

    tenant_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire, and how many events it brings."""

    kind: str
    raw: bytes
    events: int = 0


class Traffic:
    """Draws requests; tenants, users and items are as unequal as films are popular."""

    def __init__(
        self,
        host: str,
        tenants: Sequence[Tenant],
        seed: int,
        shares: Mapping[str, float] = SHARES,
    ) -> None:
        self._host = host
        self._shares = shares
        self._tenants = tenants
        self._chance = random.Random(seed)
        self._tenant = Popularity(len(tenants))
        self._item = Popularity(ITEMS)
        self._user = Popularity(USERS)

    def draw(self) -> Request:
        """The next request."""
        (kind,) = self._chance.choices(list(self._shares), list(self._shares.values()))
        key = self._tenants[self._tenant.draw(self._chance)].key
        user, item = f"u{self._user.draw(self._chance)}", f"i{self._item.draw(self._chance)}"
        match kind:
            case "recommendation":
                body = {"user_id": user, "num_items": 10}
                return self._made(kind, key, "POST", "recommendations", body)
            case "similar items":
                return self._made(kind, key, "GET", f"items/{item}/similar")
            case "item changed":
                return self._made(kind, key, "PUT", f"items/{item}", self.content(item))
            case "user erased":
                # Not one of the most active, who would come back at once.
                user = f"u{self._chance.randrange(USERS)}"
                return self._made(kind, key, "DELETE", f"users/{user}")
            case _:
                count = 1 if kind == "event" else BATCH
                body = {"events": self.events(count)}
                return self._made(kind, key, "POST", "events", body, events=count)

    def events(self, count: int) -> list[dict[str, Any]]:
        """New events of now."""
        moment = datetime.now(UTC).isoformat()
        return [
            {
                "event_id": uuid4().hex,
                "user_id": f"u{self._user.draw(self._chance)}",
                "item_id": f"i{self._item.draw(self._chance)}",
                "event_type": self._chance.choice(TYPES),
                "timestamp": moment,
            }
            for _ in range(count)
        ]

    def content(self, item: str) -> dict[str, Any]:
        """What an item is, now."""
        return {
            "title": f"Item {item[1:]}",
            "categories": [f"c{int(item[1:]) % CATEGORIES}"],
            "attributes": {"price": self._chance.randrange(100)},
        }

    def _made(
        self,
        kind: str,
        key: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        events: int = 0,
    ) -> Request:
        return Request(kind, self._raw(key, method, path, body), events)

    def _raw(self, key: str, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /api/v1/{path} HTTP/1.1\r\nhost: {self._host}\r\n"
            f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content
