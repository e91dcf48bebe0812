"""The transport of the httpx client, with a given connection pool of httpcore.

httpx's own transport has a time-out for each step and no limit for all of them. Only httpcore accepts a network
backend (`http.stream`), which has that limit.
"""

from collections.abc import Iterator

import httpcore
import httpx

__all__ = ["HttpcoreTransport"]


class HttpcoreTransport(httpx.BaseTransport):
    """Sends requests to one address. Raises httpcore's errors, which `http.failure` translates."""

    def __init__(self, pool: httpcore.ConnectionPool, scheme: str, host: str, port: int | None) -> None:
        """Use this pool for this address."""
        self._pool = pool
        self._address = scheme, host, port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's body is read from its stream."""
        scheme, host, port = self._address
        url = httpcore.URL(scheme=scheme, host=host, port=port, target=request.url.raw_path)
        sent = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.content, extensions=request.extensions
        )
        answer = self._pool.handle_request(sent)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
