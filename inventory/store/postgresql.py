"""PostgreSQL sessions: connecting with the settings that we rely on, what is refused, and what its errors mean.

Settings come from anywhere: the database, the role, PGOPTIONS, a service file. Those that would change what we
write or read are set for each session, as pg_dump does.
"""

import re
import select
from collections.abc import Callable, Mapping
from typing import Any

from inventory.common.errors import StoreError

__all__ = ["connect", "is_lost", "may_pass", "reason", "unfit"]

_SETTINGS = {
    "DateStyle": "ISO, MDY",  # psycopg reads no other
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",  # else a backslash in bytes and texts means something else
    "default_transaction_isolation": "read committed",  # serializable fails where two sources are written at once
    "quote_all_identifiers": "off",  # else the catalogue answers with quoted names
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",  # a connection is idle while the network is read
    "tcp_keepalives_idle": "30",  # so that no firewall forgets it, and the server notices a dead machine
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# Of the client; a URL may say otherwise. They are no startup parameters, which PgBouncer would refuse.
_CLIENT = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "fallback_application_name": "inventory",
}
# One statement: nothing is set where the session is not the one that was connected to, but a pooler's.
_SETTLE = (
    "SELECT pg_backend_pid(), count(set_config(s.name, n.value, false))"
    " FROM unnest(CAST(%s AS text[]), CAST(%s AS text[])) AS n(name, value)"
    " JOIN pg_settings s ON s.name = n.name WHERE pg_backend_pid() = %s"
)
_PROBE_WAIT = 3  # seconds; a pooler in session mode may have no further session, which is no sign of another mode
_PROBES = 3

# Of states that pass by themselves: the server shuts down or starts, has no free connection, or the network fails.
_PASSING_STATES = ("57P01", "57P02", "57P03", "53300")
_LOST_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03", "25P04")  # the session was ended
# Errors of connecting carry no state in psycopg. libpq's own are in English always, the server's by `lc_messages`.
_PASSING = re.compile(
    r"Connection refused|Connection reset|Connection timed out|timeout expired|No route to host|unreachable"
    r"|No such file or directory\n|server closed the connection|could not (?:receive|send)|SSL SYSCALL|Broken pipe"
    r"|starting up|shutting down|accepting connections|recovery mode|too many clients|connection slots"
    r"|too many connections|name resolution|terminating connection|server_login_retry|no more connections allowed"
)
_BAD_PARAMETER = re.compile(r"\binvalid\b.*(?:value|option|parameter)|missing \"=\"|must be")
_ATTEMPT = re.compile(r"(?:connection failed|connection is bad): (?:connection to server .+? failed: )?(.+)")


def connect(dialect: Any, parameters: Mapping[str, str], *, write: bool) -> Any:
    """Connect, and set what we rely on.

    Args:
        dialect: SQLAlchemy's, of psycopg.
        parameters: libpq's.
        write: refuse a database that cannot hold the data or cannot be written.

    Raises:
        StoreError: it was refused, or is behind a pooler that gives each transaction another session.
        psycopg.Error: the connection failed.
    """

    def connected() -> Any:
        return dialect.connect(**{**_CLIENT, **parameters, "client_encoding": "UTF8", "autocommit": True})

    driver = connected()
    try:
        _settle(driver, connected)
        why = unfit(driver) if write else None
        if why is not None:
            raise StoreError(why)
        driver.autocommit = False
    except BaseException:
        driver.close()
        raise
    return driver


def _settle(driver: Any, connected: Callable[[], Any]) -> None:
    """Set the session's parameters; those that an older server does not know are left out."""
    names, values = list(_SETTINGS), list(_SETTINGS.values())
    pid, done = driver.execute(_SETTLE, (names, values, driver.info.backend_pid)).fetchone()
    if not done:  # the session is another's than the one that was connected to: there is a pooler between
        if _is_shared(driver, connected):
            hint = "Use a pool with pool_mode = session, or connect to the server itself"
            raise StoreError(
                "the connection goes through a pooler that gives each transaction another session (PgBouncer:"
                " pool_mode = transaction), where temporary tables and locks do not hold",
                hint,
            )
        driver.execute(_SETTLE, (names, values, pid))


def _is_shared(first: Any, connected: Callable[[], Any]) -> bool:
    """Tell whether two connections get one session, or one of them several, as they never do in session mode."""
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
    """Return the server process that answers a connection; None where none does in time."""
    driver.pgconn.send_query(b"SELECT pg_backend_pid()")
    if not select.select([driver.fileno()], [], [], _PROBE_WAIT)[0]:
        return None
    found = None
    while (result := driver.pgconn.get_result()) is not None:
        found = result.get_value(0, 0) if result.ntuples else found
    return int(found) if found is not None else None


def unfit(driver: Any) -> str | None:
    """Say why a database cannot take an export; None: nothing is known against it."""
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


def may_pass(error: object) -> bool:
    """Tell whether a failure to connect may pass by itself."""
    state = _state(error)
    if state:
        return state in _PASSING_STATES or state.startswith("08")
    return bool(_PASSING.search(f"{error}\n"))


def is_lost(error: object) -> bool:
    """Tell whether an error says that the server ended the session."""
    return _state(error) in _LOST_STATES or _state(error).startswith("08")


def reason(error: object) -> str:
    """Say why a connection failed: without the parameters, of which one may be a password in the wrong place."""
    text = str(error).strip()
    if type(error).__name__ == "ProgrammingError" or _BAD_PARAMETER.search(text.splitlines()[0] if text else ""):
        return "a parameter of its URL is not valid"
    found = dict.fromkeys(match.strip() for match in _ATTEMPT.findall(text))
    said = [each.removeprefix("FATAL:").strip() for each in found]
    return "; ".join(said) or (text.splitlines()[0] if text else type(error).__name__)


def _state(error: object) -> str:
    return getattr(error, "sqlstate", None) or ""
