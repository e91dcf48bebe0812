"""Database URLs: parses and checks them, and removes secrets for messages. Imports no database library.

A URL may contain a password, and with a typing error it may be anywhere in the URL. So a message shows only parts
that are known to be safe; for a URL that cannot be used, only the scheme.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["DatabaseUrl", "check_database_url", "parse_database_url", "safe_url"]

_SCHEMES = {
    "sqlite": "sqlite", "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql", "postgres": "postgresql", "postgresql+psycopg": "postgresql",
}  # fmt: skip
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FILE_NAME = re.compile(r"[\w./~-]+\Z")  # no character that could separate a password
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]+\]|[\w.-]*)\Z")
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?\Z", re.DOTALL)
_SOCKET = re.compile(r"[/@][\w./@+-]*\Z")
_SIMPLE = re.compile(r"[\w.,/@:\[\]-]*\Z")
_SHOWN = (  # parameters whose values are not secret
    "host", "hostaddr", "port", "dbname", "user", "service", "sslmode", "target_session_attrs", "connect_timeout",
)  # fmt: skip
# libpq's parameters, as of PostgreSQL 18.
_PARAMETERS = frozenset(
    [
        "service",
        "user",
        "password",
        "passfile",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "port",
        "client_encoding",
        "options",
        "application_name",
        "fallback_application_name",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "sslmode",
        "sslnegotiation",
        "sslcompression",
        "sslcert",
        "sslkey",
        "sslcertmode",
        "sslpassword",
        "sslrootcert",
        "sslcrl",
        "sslcrldir",
        "sslsni",
        "requirepeer",
        "require_auth",
        "min_protocol_version",
        "max_protocol_version",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "gssencmode",
        "krbsrvname",
        "gsslib",
        "gssdelegation",
        "target_session_attrs",
        "load_balance_hosts",
        "scram_client_key",
        "scram_server_key",
        "oauth_issuer",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_scope",
    ]
)
_WHOLE_NUMBERS = (
    "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
)  # fmt: skip
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "load_balance_hosts": ("disable", "random"),
}


@dataclass(frozen=True)
class DatabaseUrl:
    """A parsed URL. kind: sqlite or postgresql.

    path: the SQLite file. parameters: for PostgreSQL, with libpq's names: host, port, user, password, dbname, …
    """

    kind: str
    path: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


class _UrlError(ValueError):
    """Why a URL cannot be used; contains no part of it that may be secret."""


def check_database_url(url: str) -> str | None:
    """Return why a URL cannot be used; None if it can, as far as is known without connecting."""
    try:
        parse_database_url(url)
    except _UrlError as error:
        return str(error)
    return None


def parse_database_url(url: str) -> DatabaseUrl:
    """Parse a URL.

    Raises:
        ValueError: it cannot be used; see `check_database_url`.
    """
    scheme, mark, rest = url.partition("://")
    if _CONTROL.search(url) or url != url.strip():
        raise _UrlError("it contains a space or a control character; percent-encode it, or remove it")
    if not mark or not _SCHEME.match(scheme):
        raise _UrlError(_without_scheme(url))
    kind = _SCHEMES.get(scheme)
    if kind is None:
        raise _UrlError(_unsupported(scheme))
    return _sqlite(rest) if kind == "sqlite" else _postgresql(rest)


def safe_url(url: str) -> str:
    """Return the parts of a URL that may be shown: no password; only the scheme if it cannot be used."""
    scheme, mark, _ = url.partition("://")
    try:
        found = parse_database_url(url)
    except _UrlError:
        return f"{scheme}://…" if mark and _SCHEME.match(scheme) else "…"
    if found.kind == "sqlite":
        return f"sqlite:///{found.path}"
    given = {
        name: value for name, value in found.parameters
        if name in _SHOWN and (_SIMPLE.match(value) or name in ("dbname", "user"))
    }  # fmt: skip
    user = f"{given.pop('user')}@" if "user" in given else ""
    host = _shown_hosts(given)
    name = given.pop("dbname", "")
    rest = "&".join(f"{key}={value}" for key, value in given.items())
    return f"postgresql://{user}{host}/{name}{'?' if rest else ''}{rest}"


def _shown_hosts(given: dict[str, str]) -> str:
    hosts = given.get("host", "").split(",")
    if any(_SOCKET.match(host) for host in hosts):
        return ""  # a socket's folder; it is shown as a parameter
    ports = given.pop("port", "").split(",")
    given.pop("host", None)
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    named = [f"[{host}]" if ":" in host else host for host in hosts]
    return ",".join(host + (f":{port}" if port else "") for host, port in zip(named, ports, strict=True))


def _without_scheme(url: str) -> str:
    if re.match(r"sqlite:/?[^/]", url) and _FILE_NAME.match(url.removeprefix("sqlite:")):
        return f"three slashes are needed: sqlite:///{url.removeprefix('sqlite:').lstrip('/')}"
    if re.match(r"\w+\s*=", url):
        return "it is not a URL: write postgresql://user@host/name instead of key=value"
    if _FILE_NAME.match(url) and url.strip("./~-"):
        return f"{url!r} is not a database URL. Did you mean sqlite:///{url}?"
    return "it is not a database URL such as sqlite:///inventory.db or postgresql://user@host/name"


def _unsupported(scheme: str) -> str:
    lower = scheme.lower()
    base, _, driver = lower.partition("+")
    if lower != scheme and lower in _SCHEMES:
        return f"write the scheme in lower case: {lower}://"
    if base in ("sqlite", "postgresql", "postgres"):
        plain = "sqlite:///" if base == "sqlite" else "postgresql://"
        return f"the driver {driver or scheme} is not supported: write {plain}…"
    return f"{scheme} is not supported: SQLite (sqlite:///…) and PostgreSQL (postgresql://…) are"


def _sqlite(rest: str) -> DatabaseUrl:
    head, slash, path = rest.partition("/")
    if head and not slash and _FILE_NAME.match(head):
        raise _UrlError(f"three slashes are needed: sqlite:///{head}")
    if head:
        raise _UrlError("three slashes are needed: sqlite:///FILE, and four for a path from the root")
    if "?" in path:
        raise _UrlError("a URL of SQLite takes no parameters after ?")
    if not path or path == ":memory:" or path.startswith("file:"):
        raise _UrlError("the SQLite database needs the name of a file, as in sqlite:///inventory.db")
    return DatabaseUrl("sqlite", path)


def _postgresql(rest: str) -> DatabaseUrl:
    before, _, query = rest.partition("?")
    authority, _, name = before.partition("/")
    user_part, _, hosts_part = authority.rpartition("@")
    if "@" in user_part or "@" in name:
        raise _UrlError(
            "the user, the password or the database name holds a character that must be percent-encoded:"
            " @ is %40, / is %2F, ? is %3F"
        )
    if "&" in name or "=" in name:
        raise _UrlError("the database name holds & or =; parameters begin with ?, and elsewhere these are %26 and %3D")
    user, colon, password = user_part.partition(":")
    parameters = {**_hosts(hosts_part), **({"user": unquote(user)} if user else {})}
    if colon:
        parameters["password"] = unquote(password)
    if name:
        parameters["dbname"] = unquote(name)
    parameters |= _query(query)
    _check_ports(parameters.get("port", ""))
    return DatabaseUrl("postgresql", parameters=tuple(parameters.items()))


def _hosts(text: str) -> dict[str, str]:
    """Return host and port of one host, or of several."""
    if not text:
        return {}
    hosts, ports = [], []
    for part in text.split(","):
        found = _HOST_PORT.match(part)
        host = unquote(found[1]) if found else ""
        if found is None or not (_HOST.match(host) or _SOCKET.match(host)):
            raise _UrlError("the host is not a name or an address; write an IPv6 address in brackets: [::1]")
        hosts.append(host.strip("[]"))
        ports.append(found[2] or "")
    return {"host": ",".join(hosts), **({"port": ",".join(ports)} if any(ports) else {})}


def _check_ports(text: str) -> None:
    for port in text.split(","):
        if port and not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536):
            hint = "In a password @, / and ? must be percent-encoded: %40, %2F, %3F"
            raise _UrlError(f"the port is not a number from 1 to 65535. {hint}")


def _query(text: str) -> dict[str, str]:
    """Return the parameters; `host=a&host=b` means several hosts."""
    found: dict[str, str] = {}
    for part in text.split("&") if text else ():
        name, mark, value = part.partition("=")
        if not mark or name not in _PARAMETERS:
            raise _UrlError(_unknown(name))
        if name in found and name != "host":
            raise _UrlError(f"the parameter {name} is given twice")
        value = unquote(value)
        found[name] = f"{found[name]},{value}" if name in found else value
        if name in _WHOLE_NUMBERS and not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise _UrlError(f"the parameter {name} is not a whole number")
        if value not in _CHOICES.get(name, (value,)):
            raise _UrlError(f"the parameter {name} must be one of {', '.join(_CHOICES[name])}")
    return found | _with_ports(found)


def _with_ports(found: dict[str, str]) -> dict[str, str]:
    """Split `host=a:1,b:2`, SQLAlchemy's form of several hosts, into hosts and ports."""
    host = found.get("host", "")
    return {} if ":" not in host or host.count(":") > host.count(",") + 1 else _hosts(host)


def _unknown(name: str) -> str:
    """Return the message for an unknown parameter, without its name: that may be part of a password with & or ?."""
    from difflib import get_close_matches

    close = get_close_matches(name, _PARAMETERS, n=1, cutoff=0.8)
    hint = f" Did you mean {close[0]}?" if close else " & in a value is %26, ? in a password is %3F."
    return f"it holds a parameter that PostgreSQL does not know.{hint}"
