"""Who must know when access changes."""

from typing import Protocol


class AccessChanges(Protocol):
    """Forgets what it knows of keys, so that a change is in force at once."""

    def forget(self, tenant_id: str | None) -> None:
        """A tenant or one of its keys has changed; the operator's keys for None."""
        ...

    def forget_all(self) -> None:
        """A plan has changed."""
        ...


class NothingRemembered:
    """For the command line, which keeps nothing in mind."""

    def forget(self, tenant_id: str | None) -> None:
        """Nothing to forget."""

    def forget_all(self) -> None:
        """Nothing to forget."""
