"""The alerts that Prometheus has raised."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import httpx2

EVERY_SECONDS: Final = 1.0


class AlertWatch:
    """Notes the alerts which fire and began to be pending after it was begun."""

    def __init__(self, prometheus: str) -> None:
        self._client = httpx2.AsyncClient(base_url=prometheus, timeout=5)
        self.first = asyncio.Event()
        """Set as soon as one has fired."""

        self._began = time.time()
        self._fired: dict[str, float] = {}
        self._task = asyncio.create_task(self._watch())

    @property
    def fired(self) -> Mapping[str, float]:
        """Each alert, and the seconds from the beginning until it was seen."""
        return self._fired

    async def end(self) -> None:
        """Ask no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()

    async def _watch(self) -> None:
        while True:
            for name in await self._raised():
                self._fired.setdefault(name, round(time.time() - self._began, 1))
                self.first.set()
            await asyncio.sleep(EVERY_SECONDS)

    async def _raised(self) -> set[str]:
        try:
            answer = await self._client.get("/api/v1/alerts")
        except httpx2.TransportError:
            return set()
        alerts = answer.json()["data"]["alerts"] if answer.is_success else []
        return {
            alert["labels"]["alertname"]
            for alert in alerts
            if alert["state"] == "firing"
            and datetime.fromisoformat(alert["activeAt"]).timestamp() >= self._began
        }
