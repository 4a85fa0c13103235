"""Brings the demo tenant to where it can be asked for recommendations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from launcher.demo.access import create_access, opens, read_key, write_access
from launcher.demo.calls import doing
from launcher.demo.data import is_loaded, load_sample
from launcher.demo.model import (
    TrainingFailed,
    finish_training,
    has_model,
    start_training,
    unfinished_job,
)
from launcher.demo.state import DemoState, read_state, write_state
from launcher.errors import LaunchError
from launcher.reporting import Reporter
from launcher.sample.model import Sample
from launcher.sample.source import choose_sample
from launcher.settings import DemoSettings
from recommender_client import AsyncRecommender

TENANT: Final = "demo"
_TIMEOUT_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Demo:
    """What somebody needs to try the demo."""

    tenant_id: str
    api_key: str
    state: DemoState


def access_file(data_dir: Path) -> Path:
    """The file that holds the demo's tenant and API key."""
    return data_dir / "demo.env"


class DemoPreparation:
    """Does what is not done yet: each step looks at what is there, so any of them resumes.

    `transport` replaces the network, for tests.
    """

    def __init__(
        self,
        settings: DemoSettings,
        backend_api: str,
        reporter: Reporter,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._backend_api = backend_api
        self._reporter = reporter
        self._transport = transport or httpx2.AsyncHTTPTransport(trust_env=False)

    async def prepare(self, sample: Sample | None) -> Demo:
        """Access, data and model; `sample` is chosen now where it is needed and None.

        Raises:
            LaunchError: a step failed.
        """
        key = await self._access()
        client = self._client(key)
        state = await self._data(client, sample)
        state = await self._model(client, state)
        with doing("asking for a first recommendation"):
            await client.recommendations.for_user(state.known_user)
        return Demo(TENANT, key, state)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _access(self) -> str:
        path = access_file(self._settings.data_dir)
        key = read_key(path)
        if key is not None and await opens(self._client(key)):
            return key
        key = await create_access(self._settings.data_dir, TENANT)
        write_access(path, TENANT, key)
        if not await opens(self._client(key)):
            raise LaunchError(
                f"backend-api refuses the key just made for tenant {TENANT}: "
                "it works on another database; see DATA_DIR and DATABASE_URL"
            )
        return key

    async def _data(self, client: AsyncRecommender, sample: Sample | None) -> DemoState:
        state = read_state(self._settings.data_dir)
        if state is not None and await is_loaded(client, state):
            return state
        sample = sample or await choose_sample(self._settings, self._reporter)
        state = await load_sample(client, sample, self._reporter)
        write_state(self._settings.data_dir, state)
        return state

    async def _model(self, client: AsyncRecommender, state: DemoState) -> DemoState:
        if await has_model(client):
            return state
        if await self._resumed(client, state.job_id):
            return state
        job = await start_training(client, self._reporter)
        state = state.model_copy(update={"job_id": job.job_id})
        write_state(self._settings.data_dir, state)
        await finish_training(client, job, self._reporter)
        return state

    async def _resumed(self, client: AsyncRecommender, job_id: str | None) -> bool:
        """Whether the job of an earlier start, still under way, came to a good end."""
        job = await unfinished_job(client, job_id)
        if job is None:
            return False
        try:
            await finish_training(client, job, self._reporter)
        except TrainingFailed as error:
            # ml-engine gives a job up that stops often; a new one is worth a try.
            self._reporter.line(f"{error}; training anew")
            return False
        return True

    def _client(self, key: str) -> AsyncRecommender:
        return AsyncRecommender(
            self._backend_api, key, timeout=_TIMEOUT_SECONDS, transport=self._transport
        )
