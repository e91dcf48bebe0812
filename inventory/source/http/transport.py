"""The transport of the httpx client: connections of httpcore that were made elsewhere.

httpx makes its own with a time-out for each step and no bound for all of them; only httpcore takes a network backend
(`http.stream`), which has that bound.
"""

from collections.abc import Iterator

import httpcore
import httpx

__all__ = ["HttpcoreTransport"]


class HttpcoreTransport(httpx.BaseTransport):
    """Sends the requests of one address. Errors are those of httpcore, which `http.failure` translates."""

    def __init__(self, pool: httpcore.ConnectionPool, scheme: str, host: str, port: int | None) -> None:
        """Take the connections, and the address as they want it."""
        self._pool = pool
        self._address = scheme, host, port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the answer is read from its stream."""
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
