"""The clients: sync and async, for tenants and for the operator."""

from typing import Final, Self

import httpx2

from recommender_client.async_event_buffer import AsyncEventBuffer
from recommender_client.connection import DEFAULT_TIMEOUT_SECONDS, Connection, HeadersHook
from recommender_client.event_backlog import BufferLimits, OnRejected
from recommender_client.event_buffer import EventBuffer
from recommender_client.groups.access import AuditLog, Keys, TenantInfo, Usage
from recommender_client.groups.events import Events, EventTypes
from recommender_client.groups.imports import Imports
from recommender_client.groups.items import Items
from recommender_client.groups.metrics import Metrics
from recommender_client.groups.operator import AllAuditLog, AllUsage, Plans, TenantKeys, Tenants
from recommender_client.groups.quarantine import Books, Quarantine
from recommender_client.groups.recommendations import Recommendations
from recommender_client.groups.scenarios import Scenarios
from recommender_client.groups.training import Models, Training
from recommender_client.groups.users import Erasures, Users
from recommender_client.groups.validation_rules import ValidationRules
from recommender_client.operations import Group, RunnerT
from recommender_client.retries import RetryPolicy
from recommender_client.runners import AsyncRunner, SyncRunner

DEFAULT_RETRIES: Final = RetryPolicy()


class _TenantOperations(Group[RunnerT]):
    """What a tenant's key can ask for, by noun."""

    def __init__(self, runner: RunnerT) -> None:
        super().__init__(runner)
        self.recommendations: Recommendations[RunnerT] = Recommendations(runner)
        self.events: Events[RunnerT] = Events(runner)
        self.event_types: EventTypes[RunnerT] = EventTypes(runner)
        self.validation_rules: ValidationRules[RunnerT] = ValidationRules(runner)
        self.items: Items[RunnerT] = Items(runner)
        self.users: Users[RunnerT] = Users(runner)
        self.erasures: Erasures[RunnerT] = Erasures(runner)
        self.scenarios: Scenarios[RunnerT] = Scenarios(runner)
        self.imports: Imports[RunnerT] = Imports(runner)
        self.quarantine: Quarantine[RunnerT] = Quarantine(runner)
        self.accounting: Books[RunnerT] = Books(runner)
        self.training: Training[RunnerT] = Training(runner)
        self.models: Models[RunnerT] = Models(runner)
        self.metrics: Metrics[RunnerT] = Metrics(runner)
        self.keys: Keys[RunnerT] = Keys(runner)
        self.usage: Usage[RunnerT] = Usage(runner)
        self.audit_log: AuditLog[RunnerT] = AuditLog(runner)
        self.tenant: TenantInfo[RunnerT] = TenantInfo(runner)


class _OperatorOperations(Group[RunnerT]):
    """What the operator's key can ask for, by noun."""

    def __init__(self, runner: RunnerT) -> None:
        super().__init__(runner)
        self.tenants: Tenants[RunnerT] = Tenants(runner)
        self.keys: TenantKeys[RunnerT] = TenantKeys(runner)
        self.plans: Plans[RunnerT] = Plans(runner)
        self.usage: AllUsage[RunnerT] = AllUsage(runner)
        self.audit_log: AllAuditLog[RunnerT] = AllAuditLog(runner)


class _SyncClient(Group[SyncRunner]):
    """Opens and closes the connections; safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | httpx2.Timeout = DEFAULT_TIMEOUT_SECONDS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        headers: HeadersHook | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """A client of the recommender at `base_url`.

        Args:
            base_url: its address, such as `https://recs.example`.
            api_key: the key; it appears in no message and no repr.
            timeout: seconds that connecting, each read and each write may take.
            retries: when to ask again.
            headers: gives headers to add to each request, such as `traceparent`.
            transport: replaces the network: a proxy, other TLS settings, an app in-process.

        Raises:
            ValueError: the address or the key cannot be right.
        """
        connection = Connection.to(
            base_url, api_key, timeout=timeout, retries=retries, headers=headers
        )
        super().__init__(SyncRunner(connection, transport))

    def close(self) -> None:
        """Close the connections."""
        self.runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _AsyncClient(Group[AsyncRunner]):
    """Opens and closes the connections; for the tasks of one event loop."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | httpx2.Timeout = DEFAULT_TIMEOUT_SECONDS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        headers: HeadersHook | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """A client of the recommender at `base_url`.

        Args:
            base_url: its address, such as `https://recs.example`.
            api_key: the key; it appears in no message and no repr.
            timeout: seconds that connecting, each read and each write may take.
            retries: when to ask again.
            headers: gives headers to add to each request, such as `traceparent`.
            transport: replaces the network: a proxy, other TLS settings, an app in-process.

        Raises:
            ValueError: the address or the key cannot be right.
        """
        connection = Connection.to(
            base_url, api_key, timeout=timeout, retries=retries, headers=headers
        )
        super().__init__(AsyncRunner(connection, transport))

    async def close(self) -> None:
        """Close the connections."""
        await self.runner.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


# The client comes first: its constructor hands the runner on to that of the operations.
class Recommender(_SyncClient, _TenantOperations[SyncRunner]):
    """The recommender, for a tenant: `with Recommender(base_url, api_key) as client`."""

    def event_buffer(
        self,
        *,
        max_events: int = 500,
        max_seconds: float = 1.0,
        capacity: int = 10_000,
        close_seconds: float = 30.0,
        on_rejected: OnRejected | None = None,
    ) -> EventBuffer:
        """A buffer that takes events one by one and sends them in batches; close it in the end.

        Args:
            max_events: send as soon as so many are here.
            max_seconds: send as soon as one has been here for so long.
            capacity: with so many not yet confirmed, `add` waits.
            close_seconds: how long closing tries to deliver what is left.
            on_rejected: told of each event that is not stored and why, from the thread that
                sends; without it a warning is logged.
        """
        limits = BufferLimits(max_events, max_seconds, capacity, close_seconds, on_rejected)
        return EventBuffer(self.runner, limits)


class AsyncRecommender(_AsyncClient, _TenantOperations[AsyncRunner]):
    """The recommender, for a tenant: `async with AsyncRecommender(base_url, api_key) as client`."""

    def event_buffer(
        self,
        *,
        max_events: int = 500,
        max_seconds: float = 1.0,
        capacity: int = 10_000,
        close_seconds: float = 30.0,
        on_rejected: OnRejected | None = None,
    ) -> AsyncEventBuffer:
        """A buffer that takes events one by one and sends them in batches: use `async with`.

        Args:
            max_events: send as soon as so many are here.
            max_seconds: send as soon as one has been here for so long.
            capacity: with so many not yet confirmed, `add` waits.
            close_seconds: how long closing tries to deliver what is left.
            on_rejected: told of each event that is not stored and why, from the task that
                sends; without it a warning is logged.
        """
        limits = BufferLimits(max_events, max_seconds, capacity, close_seconds, on_rejected)
        return AsyncEventBuffer(self.runner, limits)


class Operator(_SyncClient, _OperatorOperations[SyncRunner]):
    """The recommender, for its operator: `with Operator(base_url, api_key) as operator`."""


class AsyncOperator(_AsyncClient, _OperatorOperations[AsyncRunner]):
    """The recommender, for its operator: `async with AsyncOperator(...) as operator`."""
