"""Says why no answer came, without an error's own text: that may quote a header, and changes between versions."""

import re
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpcore

from inventory.source.http.proxy import Proxy
from inventory.source.http.stream import LOOK_UP, TlsError, TlsTimeout
from inventory.source.http.tls import trusted
from inventory.source.transport import RouteError, TransportError

__all__ = ["Route"]

_CERTIFICATES = {  # by OpenSSL's number of what is wrong
    9: "TLS certificate is not valid yet",
    10: "TLS certificate has expired",
    62: "TLS certificate is for another host",
    64: "TLS certificate is for another host",
}
_PLAIN = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
_PASSING = {408, 429}  # besides 5xx
_LOGIN = ("407", "Invalid username/password", "Requested ")  # how httpcore says that a proxy wants another login


@dataclass(frozen=True)
class Route:
    """Where requests go, and through which proxy."""

    address: str
    proxy: Proxy | None

    def __str__(self) -> str:
        return f"{self.address} through {self.proxy}" if self.proxy else self.address

    def failed(self, error: Exception, seconds: float, *, has_head: bool, ended: bool) -> TransportError | RouteError:
        """Translate what went wrong; the proxy that does not accept who asks is a `RouteError`.

        Args:
            seconds: the bound of the wait that was too long.
            has_head: whether the head of the answer had come.
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
                return self.says(reason, detail)
        if isinstance(error, httpcore.ProtocolError | ValueError) or not (self.proxy and self.proxy.is_socks):
            return self.says("the request cannot be sent", retry=False)
        return self.says("proxy: not a valid SOCKS answer", reached=False)

    def wants_login(self) -> RouteError:
        """Return the error of a proxy that wants to know who asks. Asking again might lock the user."""
        variable = self.proxy.variable if self.proxy else ""
        hint = f"Put the right user and password into {variable}; it is not asked again, for that might lock the user"
        return RouteError(f"{self}: the proxy does not accept the user and password (407)", hint)

    def says(
        self, reason: str, detail: str = "", *, retry: bool = True, reached: bool = True, hint: str = ""
    ) -> TransportError:
        """Return an error that says where requests go, too."""
        return TransportError(reason, retry=retry, reached=reached, detail=f"{self}: {detail or reason}", hint=hint)

    def _not_connected(self, error: Exception) -> TransportError:
        who = "proxy: " if self.proxy else ""
        if str(error) == LOOK_UP:
            return self.says(f"{who}name resolution failed", reached=False)
        if any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error)):
            return self.says(f"{who}connection refused", reached=False)
        if isinstance(error, httpcore.ConnectTimeout):
            return self.says(f"{who}connect timed out", reached=False)
        strerror = next((cause.strerror for cause in _causes(error) if isinstance(cause, OSError)), None)
        reason = f"{who}cannot connect"
        return self.says(reason, f"{reason} ({strerror})" if strerror else "", reached=False)

    def _no_tls(self, error: TlsError | TlsTimeout) -> TransportError:
        of_proxy = self.proxy is not None and self.proxy.scheme == "https" and not error.nested
        who = "proxy: " if of_proxy else ""
        if isinstance(error, TlsTimeout):
            return self.says(f"{who}TLS handshake timed out", reached=False)
        why = ""
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return self._distrusted(who, cause)
            if isinstance(cause, ssl.SSLError) and cause.reason:
                why = "the other side does not speak TLS" if cause.reason in _PLAIN else cause.reason
        reason = f"{who}TLS handshake failed"
        return self.says(reason, f"{reason} ({why or 'connection closed'})", reached=False)

    def _distrusted(self, who: str, error: ssl.SSLCertVerificationError) -> TransportError:
        reason = _CERTIFICATES.get(getattr(error, "verify_code", 0), "")
        if reason:
            return self.says(who + reason, retry=False, reached=False)
        reason = f"{who}TLS certificate not trusted"
        hint = (
            "If your organisation issued it, or its proxy did, set SSL_CERT_FILE to a PEM file with the"
            " certificate of its authority"
        )
        detail = f"{reason} (trusted: {trusted()})"
        return self.says(reason, detail, retry=False, reached=False, hint=hint)

    def _refused(self, said: str) -> TransportError | RouteError:
        """Translate what httpcore says of a proxy's refusal: a status and its phrase, or words for a SOCKS code."""
        if said.startswith(_LOGIN):
            return self.wants_login()
        status = int(said[:3]) if re.match(r"\d{3}\b", said) else 0
        if not status:
            return self.says("proxy refused the connection", f"proxy refused the connection ({said})", reached=False)
        retry = status >= 500 or status in _PASSING
        return self.says(f"proxy refused CONNECT with status {status}", retry=retry, reached=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
