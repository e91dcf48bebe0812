"""Translates httpcore's errors. Their own texts are not used: they may quote a header, and differ between versions."""

import re
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpcore

from inventory.source.http.proxy import Proxy
from inventory.source.http.stream import RESOLVE_ERROR, TlsError, TlsTimeout
from inventory.source.http.tls import trusted
from inventory.source.transport import RouteError, TransportError

__all__ = ["Route"]

_CERTIFICATES = {  # by OpenSSL's error number
    9: "TLS certificate is not valid yet",
    10: "TLS certificate has expired",
    62: "TLS certificate is for another host",
    64: "TLS certificate is for another host",
}
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
_TRANSIENT = {408, 429}  # and 5xx
# How httpcore's texts begin if a proxy rejects the login.
_LOGIN_REJECTED = ("407", "Invalid username/password", "Requested ")


@dataclass(frozen=True)
class Route:
    """The address of requests, and the proxy they go through."""

    address: str
    proxy: Proxy | None

    def __str__(self) -> str:
        return f"{self.address} through {self.proxy}" if self.proxy else self.address

    def convert(self, error: Exception, seconds: float, *, has_head: bool, ended: bool) -> TransportError | RouteError:
        """Translate an error of httpcore; a proxy that rejects the login gives a `RouteError`.

        Args:
            seconds: the time limit of the wait, for a time-out.
            has_head: whether the head of the response was received.
            ended: whether the other side had closed the connection.
        """
        if isinstance(error, TlsError | TlsTimeout):
            return self._no_tls(error)
        if isinstance(error, httpcore.ConnectTimeout | httpcore.ConnectError):
            return self._not_connected(error)
        if isinstance(error, httpcore.ProxyError):
            return self._refused(str(error))
        closed = "answer cut off" if has_head else "connection closed"
        for kind, reason, detail in (
            (httpcore.TimeoutException, "timed out", f"timed out after {seconds:.3g} s"),
            (httpcore.NetworkError, closed, ""),
            (httpcore.RemoteProtocolError, closed if ended else "not a valid HTTP answer", ""),
            (zlib.error, "the body cannot be unpacked", ""),
        ):
            if isinstance(error, kind):
                return self.error(reason, detail)
        if isinstance(error, httpcore.ProtocolError | ValueError) or not (self.proxy and self.proxy.is_socks):
            return self.error("the request cannot be sent", retry=False)
        return self.error("proxy: not a valid SOCKS answer", reached=False)

    def login_error(self) -> RouteError:
        """Return the error for a proxy that rejects the login. A retry might lock the user."""
        variable = self.proxy.variable if self.proxy else ""
        hint = (
            f"Put the right user and password into {variable}; it is not tried again, because that might lock the user"
        )
        return RouteError(f"{self}: the proxy does not accept the user and password (407)", hint)

    def error(
        self, reason: str, detail: str = "", *, retry: bool = True, reached: bool = True, hint: str = ""
    ) -> TransportError:
        """Return an error whose detail has the address and the proxy."""
        return TransportError(reason, retry=retry, reached=reached, detail=f"{self}: {detail or reason}", hint=hint)

    def _not_connected(self, error: Exception) -> TransportError:
        prefix = "proxy: " if self.proxy else ""
        if str(error) == RESOLVE_ERROR:
            return self.error(f"{prefix}name resolution failed", reached=False)
        if any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error)):
            return self.error(f"{prefix}connection refused", reached=False)
        if isinstance(error, httpcore.ConnectTimeout):
            return self.error(f"{prefix}connect timed out", reached=False)
        strerror = next((cause.strerror for cause in _causes(error) if isinstance(cause, OSError)), None)
        reason = f"{prefix}cannot connect"
        return self.error(reason, f"{reason} ({strerror})" if strerror else "", reached=False)

    def _no_tls(self, error: TlsError | TlsTimeout) -> TransportError:
        of_proxy = self.proxy is not None and self.proxy.scheme == "https" and not error.nested
        prefix = "proxy: " if of_proxy else ""
        if isinstance(error, TlsTimeout):
            return self.error(f"{prefix}TLS handshake timed out", reached=False)
        why = ""
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return self._distrusted(prefix, cause)
            if isinstance(cause, ssl.SSLError) and cause.reason:
                why = "the other side does not speak TLS" if cause.reason in _NOT_TLS else cause.reason
        reason = f"{prefix}TLS handshake failed"
        return self.error(reason, f"{reason} ({why or 'connection closed'})", reached=False)

    def _distrusted(self, prefix: str, error: ssl.SSLCertVerificationError) -> TransportError:
        reason = _CERTIFICATES.get(getattr(error, "verify_code", 0), "")
        if reason:
            return self.error(prefix + reason, retry=False, reached=False)
        reason = f"{prefix}TLS certificate not trusted"
        hint = (
            "If your organisation or its proxy issued it, set SSL_CERT_FILE to a PEM file with the certificate of its"
            " authority"
        )
        detail = f"{reason} (trusted: {trusted()})"
        return self.error(reason, detail, retry=False, reached=False, hint=hint)

    def _refused(self, said: str) -> TransportError | RouteError:
        """Translate httpcore's text for a proxy's refusal: an HTTP status and phrase, or a text for a SOCKS code."""
        if said.startswith(_LOGIN_REJECTED):
            return self.login_error()
        status = int(said[:3]) if re.match(r"\d{3}\b", said) else 0
        if not status:
            return self.error("proxy refused the connection", f"proxy refused the connection ({said})", reached=False)
        retry = status >= 500 or status in _TRANSIENT
        return self.error(f"proxy refused CONNECT with status {status}", retry=retry, reached=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
