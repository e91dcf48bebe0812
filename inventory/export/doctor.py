"""Preflight checks for an export, run in the environment of the cron job. Nothing is written."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inventory.common.cancellation import Stop
from inventory.common.errors import InventoryError, StoreError
from inventory.common.exact_json import canonical
from inventory.common.safe_text import byte_size, count
from inventory.config.credentials import Keys, Password
from inventory.config.database_url import check_database_url, parse_database_url, safe_url
from inventory.config.settings import MIB, Settings, Source
from inventory.export.telemetry import collector_error, problem
from inventory.normalise.redact import Redactor
from inventory.schema import REVISION
from inventory.source.answers import ABSENT_CODES, error_code
from inventory.source.auth import MAX_CLOCK_SKEW, AuthCache, send_with_auth
from inventory.source.auth.iam import describe, document_of, sent_at
from inventory.source.auth.session import Session, sign_in
from inventory.source.http.proxy import proxy_for
from inventory.source.replay import Recording
from inventory.source.transport import Request, Response, RouteError, TransportError
from inventory.store import rights
from inventory.store.engine import Store, open_store, translate_errors
from inventory.store.lock import holder
from inventory.store.migrate import current, require_head

__all__ = ["Diagnostic", "examine"]

PROBE_JOB_ID = "inventory-doctor"  # no job has this id, so the service must answer that it does not exist
SIGN_IN_RETRY_SECONDS = 5.0  # shorter than in an export, because a user is waiting
MIN_FREE_BYTES = 200 * MIB


@dataclass(frozen=True)
class Diagnostic:
    """The result of one check. state: ok, warn or fail. subject: a source's name, database or telemetry."""

    state: str
    subject: str
    what: str
    message: str


def examine(settings: Settings, sources: Sequence[Source], database: str) -> Iterator[Diagnostic]:
    """Check everything that an export of these sources needs; yield each result."""
    stop = Stop()
    time = stop.within(settings.deadline, "the run")
    auths = AuthCache(time)
    with stop.waits.log_long_waits():
        for source in sources:
            if source.replay:
                yield from _check_recordings(source, settings)
            else:
                yield from _check_source(source, auths, time.within(source.deadline, "the source"))
    yield from _check_database(database, sources)
    yield from _check_telemetry()


def _check_recordings(source: Source, settings: Settings) -> Iterator[Diagnostic]:
    for folder in source.replay:
        try:
            recording = Recording(folder, Redactor.of(settings), source.excluded)
            message = f"{folder.name} answers for {count(len(recording.requested), 'job')}"
            yield Diagnostic("ok", source.name, "recording", message)
        except InventoryError as error:
            yield Diagnostic("fail", source.name, "recording", str(error))


def _check_source(source: Source, auths: AuthCache, stop: Stop) -> Iterator[Diagnostic]:
    credentials = source.credentials
    if credentials is not None:
        kind = {Keys: "access key", Password: "user and password"}.get(type(credentials), "token")
        yield Diagnostic("ok", source.name, "credentials", f"{kind} from {credentials.origin}")
    try:
        with stop.waits.register("sign-in", source=source.name, host=source.endpoint):
            retry_seconds = min(source.retry_seconds, SIGN_IN_RETRY_SECONDS)
            session = sign_in(replace(source, retry_seconds=retry_seconds), stop, auths)
    except InventoryError as error:
        yield Diagnostic("fail", source.name, _failed_step(error), str(error))
        return
    found = "as configured" if source.project_id else "found from the region"
    yield Diagnostic("ok", source.name, "project", f"{session.project_id}, {found}")
    try:
        yield from _check_calls(source, session, stop)
    finally:
        session.http.close()


def _check_calls(source: Source, session: Session, stop: Stop) -> Iterator[Diagnostic]:
    path = f"/v3/{session.project_id}/jobs"
    listing: dict[str, object] = {"cur_page": 1, "per_page": 1, "db_use_type": source.scenarios[0], "engine_type": ""}
    detail: dict[str, object] = {"jobs": [PROBE_JOB_ID], "page_req": {"cur_page": 1, "per_page": 1}}
    is_first = True
    for what, where, body, name in (
        ("list", path, listing, "jobs"),
        ("batch-detail", f"{path}/batch-detail", detail, "results"),
    ):
        try:
            with stop.waits.register("an answer", source=source.name, host=session.http.host, call=what):
                response = _request(session, where, body, min(source.timeout, stop.left))
        except TransportError as error:
            yield Diagnostic("fail", source.name, "endpoint", f"{error}. {error.hint}" if error.hint else str(error))
            return
        except InventoryError as error:
            yield Diagnostic("fail", source.name, _failed_step(error), str(error))
            return
        if is_first:
            proxy = proxy_for(session.http.url, os.environ)
            message = f"{session.http.url} answers in {response.seconds * 1000:.0f} ms" + (
                f" through {proxy}" if proxy else ""
            )
            yield Diagnostic("ok", source.name, "endpoint", message)
            yield _check_clock(source, response)
            is_first = False
        yield _check_permission(source, what, response, name)


def _failed_step(error: InventoryError) -> str:
    return "endpoint" if isinstance(error, RouteError) else "sign-in"


def _request(session: Session, path: str, body: dict[str, object], seconds: float) -> Response:
    content = canonical(body).encode()
    headers = {"Content-Type": "application/json", "X-Language": "en-us"}
    request = Request("POST", path, headers=headers, body=content, seconds=seconds)
    return send_with_auth(session.http, session.auth, request)


def _check_clock(source: Source, response: Response) -> Diagnostic:
    service_time = sent_at(response)
    if service_time is None:
        return Diagnostic("warn", source.name, "clock", "the service sent no Date header; clock not checked")
    skew = (response.at - service_time).total_seconds()
    state = "ok" if abs(skew) <= MAX_CLOCK_SKEW else "warn"  # with too much skew, sign-in has failed already
    return Diagnostic(state, source.name, "clock", f"{abs(skew):.0f} s off (limit 15 minutes)")


def _check_permission(source: Source, what: str, response: Response, name: str) -> Diagnostic:
    document = document_of(response)
    found = document.get(name)
    codes = {error_code(document), *(error_code(each) for each in (found if isinstance(found, list) else []))}
    if (response.status == 200 and isinstance(found, list)) or (response.status == 400 and codes & ABSENT_CODES):
        return Diagnostic("ok", source.name, what, "permission OK")
    if response.status == 429 or (response.status >= 500 and any(codes)):
        return Diagnostic(
            "warn", source.name, what, f"{describe(response)}: temporary fault of the service; export retries it"
        )
    if "DRS.M00261" in codes:
        why = "project_id is wrong, or belongs to another region"
    elif response.status in (401, 403):
        why = "the user needs a policy that allows to read DRS"
    else:
        why = "this is not an answer of DRS; check endpoint and project_id"
    return Diagnostic("fail", source.name, what, f"{describe(response)}: {why}")


def _check_database(url: str, sources: Sequence[Source]) -> Iterator[Diagnostic]:
    why = check_database_url(url)
    if why is not None:
        yield Diagnostic("fail", "database", "connection", f"the URL {safe_url(url)} cannot be used: {why}")
        return
    file = parse_database_url(url).path
    path = Path(file) if file else None
    if path is not None and not path.exists():
        if not os.access(path.parent, os.W_OK | os.X_OK):
            yield Diagnostic("fail", "database", "file", f"{path} does not exist, and its folder is not writable")
            return
        yield Diagnostic("ok", "database", "file", f"{path} does not exist yet; export creates it")
        yield from _check_disk(path)
        return
    try:
        with open_store(url, write=False) as store:
            yield from _check_store(store, sources)
            if store.path is not None:
                yield from _check_disk(store.path)
    except InventoryError as error:
        yield Diagnostic("fail", "database", "connection", str(error))


def _check_store(store: Store, sources: Sequence[Source]) -> Iterator[Diagnostic]:
    at = current(store)
    yield Diagnostic("ok", "database", "connection", str(store))
    if not store.is_sqlite:
        why = store.unusable_reason()
        yield Diagnostic("fail" if why else "ok", "database", "server", why or "UTF8, can be written")
    yield _check_revision(store, at)
    if at == REVISION:
        yield _check_privileges(store)
        for source in sources:
            who = holder(store, source.name)
            yield Diagnostic("warn" if who else "ok", source.name, "lock", f"held by {who}" if who else "free")


def _check_revision(store: Store, at: str | None) -> Diagnostic:
    if store.is_sqlite and (at or "") < REVISION:
        message = f"{at or 'none'}, this version needs {REVISION}; export upgrades the file and keeps a copy beside it"
        return Diagnostic("warn", "database", "revision", message)
    try:
        require_head(store)
    except StoreError as error:
        return Diagnostic("fail", "database", "revision", str(error))
    return Diagnostic("ok", "database", "revision", REVISION)


def _check_privileges(store: Store) -> Diagnostic:
    hint = ""
    if store.path is not None:
        paths = (store.path, store.path.absolute().parent)
        missing = [f"write access to {each}" for each in paths if not os.access(each, os.W_OK)]
    else:
        with translate_errors(store), store.connect() as connection:
            missing = rights.missing(connection, "writer")
        hint = ". Grants needed: `inventory db grants --role writer`"
    if missing:
        return Diagnostic("fail", "database", "privileges", f"missing {'; '.join(missing)}{hint}")
    return Diagnostic("ok", "database", "privileges", "may read and write")


def _check_telemetry() -> Iterator[Diagnostic]:
    """Check where traces and metrics go, if any are asked for."""
    if why := problem():
        yield Diagnostic("fail", "telemetry", "settings", why)
    elif (error := collector_error()) is not None:
        message = f"{error}; an export warns of it, and goes on" if error else "accepts traces and metrics"
        yield Diagnostic("warn" if error else "ok", "telemetry", "collector", message)


def _check_disk(path: Path) -> Iterator[Diagnostic]:
    """Check the free space: an export needs a journal, and staged rows in the temporary folder."""
    size = path.stat().st_size if path.exists() else 0
    for what, folder in (("disk", path.absolute().parent), ("temporary", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        state = "ok" if free > max(MIN_FREE_BYTES, size) else "warn"
        message = f"{byte_size(free)} free in {folder}; database size {byte_size(size)}"
        yield Diagnostic(state, "database", what, message)
