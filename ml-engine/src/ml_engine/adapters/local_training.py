"""TrainingRunner in a process of its own on this machine."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

from ml_engine.training.messages import MESSAGE, Failed, Trained, TrainingSpec
from ml_engine.training.ports import OnNews

GRACE_SECONDS = 5.0
LINE_LIMIT = 16 * 1024 * 1024


class LocalTrainingRunner:
    """Starts `python -m ml_engine.training.worker` for a job and reads what it reports.

    The process ends by itself when this one is gone: its standard input closes.
    """

    def __init__(self, object_store_url: str, environment: Mapping[str, str]) -> None:
        """Let training read its snapshots from `object_store_url`.

        `environment` holds the settings of the process beyond those of this one.
        """
        self._object_store_url = object_store_url
        self._environment = environment
        self._process: Process | None = None

    async def run(self, spec: TrainingSpec, on_news: OnNews) -> Trained | Failed:
        """Train to the end."""
        command = (sys.executable, "-m", "ml_engine.training.worker", self._object_store_url)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_LIMIT,
            # A signal to the engine's process group is the engine's to act on.
            start_new_session=True,
            env={**os.environ, **self._environment},
        )
        self._process = process
        try:
            async with asyncio.timeout(spec.max_seconds):
                outcome = await _converse(process, spec, on_news)
                code = await process.wait()
        except TimeoutError:
            return Failed(
                code="time_budget_exceeded",
                reason=f"the training took longer than the {spec.max_seconds:g} seconds it may",
            )
        finally:
            await self.close()
        return outcome or _died(code)

    async def ping(self) -> None:
        """A process can always be tried."""

    async def close(self) -> None:
        """End the process, by force where it does not go."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _converse(
    process: Process, spec: TrainingSpec, on_news: OnNews
) -> Trained | Failed | None:
    assert process.stdin is not None  # noqa: S101 - opened as a pipe
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    process.stdin.write(spec.model_dump_json().encode() + b"\n")
    async for line in process.stdout:
        message = MESSAGE.validate_json(line)
        if isinstance(message, Trained | Failed):
            return message
        await on_news(message)
    return None


def _died(code: int) -> Failed:
    if code < 0:
        name = signal.Signals(-code).name
        reason = f"the training process was ended by {name}"
        if -code == signal.SIGKILL:
            reason += "; if nobody sent it, the machine ran out of memory"
        return Failed(code="killed", reason=reason)
    return Failed(code="died", reason=f"the training process ended with code {code}; see its log")
