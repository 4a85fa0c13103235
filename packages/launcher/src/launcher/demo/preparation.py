"""Brings the demo tenant to where it can be asked for recommendations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backends.http_transport import HttpTransport
from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from launcher.addresses import Addresses
from launcher.demo.access import create_access, opens, read_key, write_access
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
    """Does what is not done yet: each step looks at what is there, so any of them resumes."""

    def __init__(
        self, settings: DemoSettings, addresses: Addresses, token: str, reporter: Reporter
    ) -> None:
        self._settings = settings
        self._reporter = reporter
        self._pipeline = DataPipelineClient(_transport(addresses.data_pipeline), token)
        self._engine = MlEngineClient(_transport(addresses.ml_engine), token)
        self._backend_api = _transport(addresses.backend_api)

    async def prepare(self, sample: Sample | None) -> Demo:
        """Data, model and access; `sample` is chosen now where it is needed and None.

        Raises:
            LaunchError: a step failed.
        """
        state = await self._data(sample)
        state = await self._model(state)
        return Demo(TENANT, await self._access(state), state)

    async def close(self) -> None:
        """Close the connections."""
        await self._pipeline.close()
        await self._engine.close()
        await self._backend_api.close()

    async def _data(self, sample: Sample | None) -> DemoState:
        state = read_state(self._settings.data_dir)
        if state is not None and await is_loaded(self._pipeline, TENANT, state):
            return state
        sample = sample or await choose_sample(self._settings, self._reporter)
        state = await load_sample(self._pipeline, TENANT, sample, self._reporter)
        write_state(self._settings.data_dir, state)
        return state

    async def _model(self, state: DemoState) -> DemoState:
        if await has_model(self._engine, TENANT):
            return state
        if await self._resumed(state.job_id):
            return state
        job = await start_training(self._pipeline, self._engine, TENANT, self._reporter)
        state = state.model_copy(update={"job_id": job.job_id})
        write_state(self._settings.data_dir, state)
        await finish_training(self._engine, job, self._reporter)
        return state

    async def _resumed(self, job_id: str | None) -> bool:
        """Whether the job of an earlier start, still under way, came to a good end."""
        job = await unfinished_job(self._engine, TENANT, job_id)
        if job is None:
            return False
        try:
            await finish_training(self._engine, job, self._reporter)
        except TrainingFailed as error:
            # ml-engine gives a job up that stops often; a new one is worth a try.
            self._reporter.line(f"{error}; training anew")
            return False
        return True

    async def _access(self, state: DemoState) -> str:
        path = access_file(self._settings.data_dir)
        key = read_key(path)
        if key is not None and await opens(self._backend_api, key, state.known_user):
            return key
        key = await create_access(self._settings.data_dir, TENANT)
        write_access(path, TENANT, key)
        if not await opens(self._backend_api, key, state.known_user):
            raise LaunchError(
                f"backend-api refuses the key just made for tenant {TENANT}: "
                "it works on another database; see DATA_DIR and DATABASE_URL"
            )
        return key


def _transport(url: str) -> HttpTransport:
    return HttpTransport(url, timeout_seconds=_TIMEOUT_SECONDS)
