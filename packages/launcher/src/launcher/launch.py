"""`make run`: checks, starts the services, prepares the demo, waits, stops."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from launcher.addresses import Addresses, local_addresses
from launcher.demo.calls import ServiceSilent
from launcher.demo.preparation import DemoPreparation
from launcher.demo.state import read_state
from launcher.errors import LaunchError
from launcher.preflight import check_data_dir, check_port
from launcher.readiness import wait_until_ready
from launcher.reporting import Reporter
from launcher.sample.model import Sample
from launcher.sample.source import choose_sample
from launcher.service_logs import ServiceLogs
from launcher.service_token import given_token, made_token_file
from launcher.services import Services
from launcher.settings import LaunchSettings
from launcher.summary import summary

ResultT = TypeVar("ResultT")

_SECONDS_TO_NOTICE: Final = 10.0
"""How long an ended service may take to be noticed: honcho stops the others first."""


async def launch(settings: LaunchSettings, reporter: Reporter) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP (a closed terminal).

    Everything is stopped when this returns or raises.

    Raises:
        LaunchError: something does not hold, or a service ended by itself.
    """
    stop = asyncio.create_task(_stop_signal())
    work = asyncio.create_task(_run(settings, reporter))
    try:
        await asyncio.wait({stop, work}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            reporter.line("Stopping the services")
    finally:
        await _cancelled(work)
        await _cancelled(stop)


async def _stop_signal() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _run(settings: LaunchSettings, reporter: Reporter) -> None:
    sample = await _preflight(settings, reporter)
    addresses = local_addresses(settings)
    logs = ServiceLogs(settings.data_dir / "logs")
    environment = _environment(settings, addresses)
    services = await Services.start(environment, logs)
    try:
        await _while_running(services, wait_until_ready(addresses.by_service(), reporter))
        services.remember_processes()
        preparation = DemoPreparation(settings, addresses.backend_api, reporter)
        try:
            demo = await _while_running(services, preparation.prepare(sample))
        finally:
            await preparation.close()
        del sample
        reporter.line(summary(addresses, demo, settings.data_dir, logs.folder))
        raise LaunchError(await services.ended())
    finally:
        await services.stop()


async def _preflight(settings: LaunchSettings, reporter: Reporter) -> Sample | None:
    """Check everything; the sample, where none is loaded yet."""
    check_data_dir(settings.data_dir, settings.min_free_mb)
    host = settings.host
    check_port("backend-api", "BACKEND_API_PORT", host, settings.backend_api_port)
    check_port("ml-engine", "ML_ENGINE_PORT", host, settings.ml_engine_port)
    check_port("data-pipeline", "DATA_PIPELINE_PORT", host, settings.data_pipeline_port)
    if read_state(settings.data_dir) is not None:
        return None
    return await choose_sample(settings, reporter)


def _environment(settings: LaunchSettings, addresses: Addresses) -> dict[str, str]:
    environment = {
        "DATA_DIR": str(settings.data_dir.resolve()),
        "HOST": settings.host,
        "BACKEND_API_PORT": str(settings.backend_api_port),
        "ML_ENGINE_PORT": str(settings.ml_engine_port),
        "DATA_PIPELINE_PORT": str(settings.data_pipeline_port),
        "ML_ENGINE_URL": addresses.ml_engine,
        "DATA_PIPELINE_URL": addresses.data_pipeline,
        "PYTHONUNBUFFERED": "1",
    }
    if given_token(settings) is None:
        path = made_token_file(settings.data_dir).resolve()
        environment["SERVICE_TOKEN_FILE"] = str(path)
    return {**environment, **_defaults({"LOG_FORMAT": "json", "LOG_LEVEL": "INFO"})}


def _defaults(values: dict[str, str]) -> dict[str, str]:
    return {name: os.environ.get(name) or value for name, value in values.items()}


async def _while_running(services: Services, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of `work`. Raises `LaunchError` where a service ends before it is there."""
    task, ended = asyncio.create_task(work), asyncio.create_task(services.ended())
    try:
        await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        if task.done() and isinstance(task.exception(), ServiceSilent):
            await asyncio.wait({ended}, timeout=_SECONDS_TO_NOTICE)
        if ended.done():
            raise LaunchError(ended.result())
        return task.result()
    finally:
        for one in (task, ended):
            one.cancel()
        await asyncio.gather(task, ended, return_exceptions=True)
