"""PostgreSQL sessions: connect with fixed settings, refuse unusable servers, classify errors.

Settings can come from the database, the role, PGOPTIONS or a service file. Those that would change what is written or
read are set for each session, as pg_dump does.
"""

import re
import select
from collections.abc import Callable, Mapping
from typing import Any

from inventory.common.errors import StoreError
from inventory.schema.internal import SUFFIX

__all__ = ["connect", "is_lost", "is_transient", "reason", "unusable_reason"]

_SESSION_SETTINGS = {
    "DateStyle": "ISO, MDY",  # psycopg parses no other
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",  # otherwise a backslash in a literal is an escape
    "default_transaction_isolation": "read committed",  # serializable fails if two sources are written at once
    "quote_all_identifiers": "off",  # otherwise the catalogue returns quoted names
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",  # a connection is idle while the network is read
    "tcp_keepalives_idle": "30",  # keeps firewalls from dropping it, and lets the server notice a dead client
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# Client-side defaults, which a URL may override. PgBouncer refuses startup parameters; these are none.
_CLIENT_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "fallback_application_name": "inventory",
}
# One statement, which sets nothing if a pooler runs it in another session than the one that connected.
# The schema of the internal tables goes last on search_path; a session that a pooler gives again may have it already.
_SET_SETTINGS = (
    "SELECT pg_backend_pid(), count(set_config(s.name, n.value, false))"  # noqa: S608  # no user input
    " FROM (SELECT * FROM unnest(CAST(%s AS text[]), CAST(%s AS text[]))"
    " UNION ALL SELECT 'search_path', current_setting('search_path') || ', ' || quote_ident(place)"
    f" FROM (SELECT current_schema() || '{SUFFIX}') AS i(place) WHERE place <> ALL (current_schemas(false))"
    ") AS n(name, value) JOIN pg_settings s ON s.name = n.name WHERE pg_backend_pid() = %s"
)
_PROBE_TIMEOUT = 3  # seconds; a pooler in session mode may have no free session
_PROBES = 3

# The server shuts down or starts, or has no free connection; class 08 is a network failure.
_TRANSIENT_STATES = ("57P01", "57P02", "57P03", "53300")
_LOST_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03", "25P04")  # the session was ended
# psycopg gives connection errors no SQLSTATE. libpq's messages are always English, the server's follow lc_messages.
_TRANSIENT_MESSAGES = re.compile(
    r"Connection refused|Connection reset|Connection timed out|timeout expired|No route to host|unreachable"
    r"|No such file or directory\n|server closed the connection|could not (?:receive|send)|SSL SYSCALL|Broken pipe"
    r"|starting up|shutting down|accepting connections|recovery mode|too many clients|connection slots"
    r"|too many connections|name resolution|terminating connection|server_login_retry|no more connections allowed"
)
_BAD_PARAMETER = re.compile(r"\binvalid\b.*(?:value|option|parameter)|missing \"=\"|must be")
_ATTEMPT_FAILURE = re.compile(r"(?:connection failed|connection is bad): (?:connection to server .+? failed: )?(.+)")


def connect(dialect: Any, parameters: Mapping[str, str], *, write: bool) -> Any:
    """Connect and apply the session settings.

    Args:
        dialect: SQLAlchemy's dialect for psycopg.
        parameters: libpq's parameters.
        write: refuse a database that cannot hold the data or cannot be written.

    Raises:
        StoreError: it was refused, or is behind a pooler in transaction mode.
        psycopg.Error: the connection failed.
    """

    def connected() -> Any:
        return dialect.connect(**{**_CLIENT_DEFAULTS, **parameters, "client_encoding": "UTF8", "autocommit": True})

    driver = connected()
    try:
        _apply_settings(driver, connected)
        why = unusable_reason(driver) if write else None
        if why is not None:
            raise StoreError(why)
        driver.autocommit = False
    except BaseException:
        driver.close()
        raise
    return driver


def _apply_settings(driver: Any, connected: Callable[[], Any]) -> None:
    """Apply the session settings; skip those that an older server does not know."""
    names, values = list(_SESSION_SETTINGS), list(_SESSION_SETTINGS.values())
    pid, done = driver.execute(_SET_SETTINGS, (names, values, driver.info.backend_pid)).fetchone()
    if not done:  # another session answered: there is a pooler in between
        if _is_transaction_pooler(driver, connected):
            hint = "Use a pool with pool_mode = session, or connect to the server itself"
            raise StoreError(
                "the connection goes through a pooler that gives each transaction another session (PgBouncer:"
                " pool_mode = transaction), where temporary tables and locks do not hold",
                hint,
            )
        driver.execute(_SET_SETTINGS, (names, values, pid))


def _is_transaction_pooler(first: Any, connected: Callable[[], Any]) -> bool:
    """Return whether two connections share a session, or one uses several: never so in session mode."""
    second = connected()
    try:
        sessions: tuple[set[int], set[int]] = (set(), set())
        for _ in range(_PROBES):
            sessions[0].add(first.execute("SELECT pg_backend_pid()").fetchone()[0])
            pid = _session_of(second)
            if pid is None:
                return False
            sessions[1].add(pid)
        return bool(sessions[0] & sessions[1]) or max(map(len, sessions)) > 1
    finally:
        second.close()


def _session_of(driver: Any) -> int | None:
    """Return the pid of the server process behind a connection; None if none answers in time."""
    driver.pgconn.send_query(b"SELECT pg_backend_pid()")
    if not select.select([driver.fileno()], [], [], _PROBE_TIMEOUT)[0]:
        return None
    found = None
    while (result := driver.pgconn.get_result()) is not None:
        found = result.get_value(0, 0) if result.ntuples else found
    return int(found) if found is not None else None


def unusable_reason(driver: Any) -> str | None:
    """Return why a database cannot be exported into; None if no reason is known."""
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        return (
            f"the database is encoded in {encoding}, which cannot hold every text."
            " Create one: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
        )
    if driver.info.parameter_status("in_hot_standby") == "on":
        return "the server is a standby, which cannot be written. Name the primary in the URL"
    if driver.info.parameter_status("default_transaction_read_only") == "on":
        return (
            "default_transaction_read_only is on for this database or user, so that nothing can be written."
            " Turn it off for the user: ALTER ROLE name SET default_transaction_read_only = off"
        )
    return None


def is_transient(error: object) -> bool:
    """Return whether a connection failure is transient."""
    state = _state(error)
    if state:
        return state in _TRANSIENT_STATES or state.startswith("08")
    return bool(_TRANSIENT_MESSAGES.search(f"{error}\n"))


def is_lost(error: object) -> bool:
    """Return whether an error means that the session has ended."""
    return _state(error) in _LOST_STATES or _state(error).startswith("08")


def reason(error: object) -> str:
    """Return why a connection failed, without parameters: one of them may contain a misplaced password."""
    text = str(error).strip()
    if type(error).__name__ == "ProgrammingError" or _BAD_PARAMETER.search(text.splitlines()[0] if text else ""):
        return "a parameter of its URL is not valid"
    found = dict.fromkeys(match.strip() for match in _ATTEMPT_FAILURE.findall(text))
    reasons = [each.removeprefix("FATAL:").strip() for each in found]
    return "; ".join(reasons) or (text.splitlines()[0] if text else type(error).__name__)


def _state(error: object) -> str:
    return getattr(error, "sqlstate", None) or ""
