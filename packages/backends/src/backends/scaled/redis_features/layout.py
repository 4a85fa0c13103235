"""The keys and values of the features in Redis.

Values are made of the records alone, as in the SQLite file: the same records give the same bytes.
Everything of a tenant has the tenant's id in its key, which holds no colon.
"""

import struct
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "features:"

FILLED: Final = "filled"
"""There while the store has all that the logs held; without it readers read nothing."""

_TOTAL: Final = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one feature store, all of which begin with `prefix`."""

    prefix: str = PREFIX

    @property
    def state(self) -> str:
        """A hash: the positions, and the run of the server that had them."""
        return f"{self.prefix}state"

    @property
    def filled(self) -> str:
        """Whether readers may read."""
        return self.prefix + FILLED

    @property
    def clearing(self) -> str:
        """There while one writer removes everything."""
        return f"{self.prefix}clearing"

    def history(self, tenant_id: str, user_id: str) -> str:
        """A user's newest events."""
        return f"{self.prefix}history:{tenant_id}:{user_id}"

    def attributes(self, tenant_id: str, user_id: str) -> str:
        """What a user's profile says."""
        return f"{self.prefix}attributes:{tenant_id}:{user_id}"

    def items(self, tenant_id: str) -> str:
        """A hash of the content of each item."""
        return f"{self.prefix}items:{tenant_id}"

    def changes(self, tenant_id: str) -> str:
        """A sorted set of the items by the sequence of their change."""
        return f"{self.prefix}changes:{tenant_id}"

    def counts(self, tenant_id: str) -> str:
        """A hash of the count of each item."""
        return f"{self.prefix}counts:{tenant_id}"

    def weights(self, tenant_id: str) -> str:
        """The weights of event types."""
        return f"{self.prefix}weights:{tenant_id}"


def encode_count(total: int, days: bytes) -> bytes:
    """An item's count: all events, then those by day."""
    return _TOTAL.pack(total) + days


def decode_count(content: bytes) -> tuple[int, bytes]:
    """What `encode_count` encoded."""
    return _TOTAL.unpack_from(content)[0], content[_TOTAL.size :]
