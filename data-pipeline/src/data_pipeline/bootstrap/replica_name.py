"""What this replica is called where replicas claim something."""

from secrets import token_hex
from socket import gethostname
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

_ONLY: Final = "the only one"


def replica_name(engine: AsyncEngine) -> str:
    """A name that no other replica has, and none had before: what it held is not ours.

    SQLite belongs to one process, so there what was held before is ours again at once.
    """
    return _ONLY if engine.dialect.name == "sqlite" else f"{gethostname()}-{token_hex(4)}"
