"""Waits until services are ready."""

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx2

from launcher.reporting import Reporter

_INTERVAL_SECONDS: Final = 0.1
_READY: Final = 200


async def wait_until_ready(urls: Mapping[str, str], reporter: Reporter) -> None:
    """Poll /health/ready of each service (URLs by name) until all answer 200."""
    waiting = dict(urls)
    timeout = httpx2.Timeout(5.0)
    with reporter.step(f"Starting {', '.join(urls)}", len(urls)) as tracker:
        async with httpx2.AsyncClient(timeout=timeout, trust_env=False) as client:
            while waiting:
                for service, url in list(waiting.items()):
                    if await _is_ready(client, url):
                        del waiting[service]
                note = f"waiting for {', '.join(waiting)}" if waiting else ""
                tracker.update(len(urls) - len(waiting), note)
                await asyncio.sleep(_INTERVAL_SECONDS if waiting else 0)


async def _is_ready(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        answer = await client.get(f"{url}/health/ready")
    except httpx2.TransportError:
        return False
    return answer.status_code == _READY
