"""Transport over HTTP, with kept connections."""

from collections.abc import Callable

import httpx2

from contracts.transport import Request, Response, ServiceUnavailable

MAX_CONNECTIONS = 100


class HttpTransport:
    """Sends requests to the service at `base_url`.

    `inject` adds the trace context to the headers of each request. `over` replaces the network,
    for tests that call a service in-process.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float,
        inject: Callable[[dict[str, str]], None] = lambda _: None,
        over: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url
        self._inject = inject
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            timeout=timeout_seconds,
            limits=httpx2.Limits(
                max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS
            ),
            transport=over,
            trust_env=False,
        )

    async def send(self, request: Request) -> Response:
        """The service's answer.

        Raises:
            ServiceUnavailable: refused, timed out or cut off.
        """
        self._inject(request.headers)
        try:
            answer = await self._client.request(
                request.method, request.path, content=request.content, headers=request.headers
            )
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ServiceUnavailable(f"no answer from {self._base_url}: {reason}") from error
        return Response(answer.status_code, answer.content, dict(answer.headers))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
