"""Which certificates are trusted: those that a variable names, else those of the system.

SSL_CERT_FILE, SSL_CERT_DIR or both, as in OpenSSL; else REQUESTS_CA_BUNDLE, else CURL_CA_BUNDLE, each a file or a
folder. They replace the system's certificates. An empty variable counts as unset.
"""

import os
import re
import ssl
import sys
from functools import lru_cache
from pathlib import Path

from inventory.source.transport import RouteError

__all__ = ["context", "trusted"]

_FILE, _FOLDER, *_BUNDLES = _VARIABLES = "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+\Z")  # names made by `openssl rehash`; OpenSSL reads no others in a folder
# Where systems keep their certificates, for a Python whose OpenSSL was built for other paths.
_SYSTEM_BUNDLES = (
    "/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/ca-bundle.pem",
)  # fmt: skip


def context(*, verify: bool = True) -> ssl.SSLContext:
    """Return the TLS context; cached.

    Raises:
        RouteError: a variable names no file, or a file without certificates; the message has variable and path.
    """
    return _context(verify, tuple(sorted(_variables().items())))


def trusted() -> str:
    """Describe which certificates are trusted, for a message."""
    return " and ".join(_variables()) or "the system's store"


def _variables() -> dict[str, str]:
    """Return the variables that are used."""
    found = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name, "").strip()}
    chosen = [name for name in (_FILE, _FOLDER) if name in found] or [name for name in _BUNDLES if name in found][:1]
    return {name: found[name] for name in chosen}


@lru_cache(maxsize=8)
def _context(verify: bool, named: tuple[tuple[str, str], ...]) -> ssl.SSLContext:  # noqa: FBT001  # a key
    if verify and not named and sys.platform in ("darwin", "win32"):
        import truststore  # not on Linux: there it would read the same files again for each connection

        made: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return made
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as in curl: a trusted certificate need not be a root
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif named:
        for variable, path in named:
            _load(made, variable, path, alone=len(named) == 1)
    else:
        _load_system(made)
    return made


def _load(into: ssl.SSLContext, variable: str, path: str, *, alone: bool) -> None:
    if variable == _FOLDER or (variable != _FILE and Path(path).is_dir()):
        folders = path.split(os.pathsep)
        if not any(map(os.path.isdir, folders)):
            raise RouteError(f"{variable}: {path} is not a folder", f"Correct {variable}, or unset it")
        if alone and not any(map(_has_certificates, folders)):
            hint = "Run `openssl rehash` on it, or set SSL_CERT_FILE to a file with all of them"
            raise RouteError(f"{variable}: {path} has no certificates under the names that OpenSSL reads", hint)
        into.load_verify_locations(capath=path)
        return
    hint = f"Set {variable} to a file with certificates in PEM, or unset it"
    try:
        into.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise RouteError(f"{variable}: {path} has no certificates in PEM", hint) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it cannot be read"
        raise RouteError(f"{variable}: {path}: {why}", hint) from None


def _load_system(into: ssl.SSLContext) -> None:
    """Trust the system's certificates; if there are none, those of the package certifi."""
    paths = ssl.get_default_verify_paths()
    file = paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else None
    folder = paths.openssl_capath if _has_certificates(paths.openssl_capath) else None
    if not file and not folder:
        file = next((each for each in _SYSTEM_BUNDLES if Path(each).is_file()), None)
    if not file and not folder:
        import certifi

        file = certifi.where()
    into.load_verify_locations(cafile=file, capath=folder)


def _has_certificates(folder: str) -> bool:
    try:
        return any(_HASHED_NAME.match(name) for name in os.listdir(folder))  # noqa: PTH208  # names alone, fast
    except OSError:
        return False
