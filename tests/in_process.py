"""Runs a service's app in this process: its lifespan, and its routes over ASGI."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[httpx2.ASGITransport]:
    """The open app, as a transport for clients."""
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            # As a server does, and as httpx2's transport does not.
            await app({**scope, "state": dict(state or {})}, receive, send)

        yield httpx2.ASGITransport(with_state)
