"""What a cron job will meet at night, tried beforehand: one check after the other, and nothing is written."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import TextClause, text

from inventory.credentials import Keys, Password
from inventory.errors import InventoryError, StoreError
from inventory.exchange import NoAnswerError, Request, Response
from inventory.jsontext import canonical
from inventory.redact import Redactor
from inventory.schema import REVISION
from inventory.schema.ledger import METADATA, SNAPSHOTS, SOURCES
from inventory.settings import MIB, Settings, Source
from inventory.source.answers import ABSENT_CODES, error_code
from inventory.source.auth import SKEW, Auths, ask
from inventory.source.iam import document_of, sent_at, told
from inventory.source.listing import USES
from inventory.source.replay import Recording
from inventory.source.session import Session, sign_in
from inventory.stop import Stop
from inventory.store.engine import Store, open_store, translated
from inventory.store.lock import holder
from inventory.store.migrate import current, require_head

__all__ = ["Check", "examine"]

PROBE = "inventory-doctor"  # an id that no job has: the service must say so
PATIENCE = 5.0  # seconds that a transient failure of IAM is retried: somebody is waiting
LEAST_FREE = 200 * MIB


@dataclass(frozen=True)
class Check:
    """One thing looked at. state: ok, warn or fail. subject: a source's name, or database."""

    state: str
    subject: str
    what: str
    said: str


def examine(settings: Settings, sources: Sequence[Source], database: str) -> Iterator[Check]:
    """Yield a check for everything that an export of these sources depends on."""
    stop = Stop()
    auths = Auths(stop)
    for source in sources:
        if source.replay:
            yield from _recordings(source, settings)
        else:
            yield from _live(source, auths, stop)
    yield from _database(database, sources)


def _recordings(source: Source, settings: Settings) -> Iterator[Check]:
    for folder in source.replay:
        try:
            recording = Recording(folder, Redactor.of(settings), source.excluded)
            said = f"{folder.name} answers for {len(recording.requested)} jobs"
            yield Check("ok", source.name, "recording", said)
        except InventoryError as error:
            yield Check("fail", source.name, "recording", str(error))


def _live(source: Source, auths: Auths, stop: Stop) -> Iterator[Check]:
    credentials = source.credentials
    if credentials is not None:
        kind = {Keys: "access key", Password: "user and password"}.get(type(credentials), "token")
        yield Check("ok", source.name, "credentials", f"{kind} from {credentials.origin}")
    try:
        session = sign_in(replace(source, retry_seconds=min(source.retry_seconds, PATIENCE)), stop, auths)
    except InventoryError as error:
        yield Check("fail", source.name, "sign-in", str(error))
        return
    found = "as configured" if source.project_id else "found from the region"
    yield Check("ok", source.name, "project", f"{session.project_id}, {found}")
    try:
        yield from _calls(source, session)
    finally:
        session.http.close()


def _calls(source: Source, session: Session) -> Iterator[Check]:
    path = f"/v3/{session.project_id}/jobs"
    listing: dict[str, object] = {"cur_page": 1, "per_page": 1, "db_use_type": USES[0], "engine_type": ""}
    detail: dict[str, object] = {"jobs": [PROBE], "page_req": {"cur_page": 1, "per_page": 1}}
    first = True
    for what, where, body, name in (
        ("list", path, listing, "jobs"),
        ("batch-detail", f"{path}/batch-detail", detail, "results"),
    ):
        try:
            answer = _asked(session, where, body, source.timeout)
        except NoAnswerError as error:
            yield Check("fail", source.name, "endpoint", f"{session.http.url}: {error.reason}")
            return
        except InventoryError as error:
            yield Check("fail", source.name, "sign-in", str(error))
            return
        if first:
            yield Check("ok", source.name, "endpoint", f"{session.http.url} answers in {answer.seconds * 1000:.0f} ms")
            yield _clock(source, answer)
            first = False
        yield _permission(source, what, answer, name)


def _asked(session: Session, path: str, body: dict[str, object], seconds: float) -> Response:
    content = canonical(body).encode()
    headers = {"Content-Type": "application/json", "X-Language": "en-us"}
    request = Request("POST", path, headers=headers, body=content, seconds=seconds)
    return ask(session.http, session.auth, request)


def _clock(source: Source, answer: Response) -> Check:
    theirs = sent_at(answer)
    if theirs is None:
        return Check("warn", source.name, "clock", "the service does not tell its time")
    skew = (answer.at - theirs).total_seconds()
    state = "ok" if abs(skew) <= SKEW else "warn"  # beyond what is bearable, signing in fails already
    return Check(state, source.name, "clock", f"{abs(skew):.0f} s from the service's; signatures bear 15 minutes")


def _permission(source: Source, what: str, answer: Response, name: str) -> Check:
    document = document_of(answer)
    found = document.get(name)
    codes = {error_code(document), *(error_code(each) for each in (found if isinstance(found, list) else []))}
    if (answer.status == 200 and isinstance(found, list)) or (answer.status == 400 and codes & ABSENT_CODES):
        return Check("ok", source.name, what, "may be called")
    if answer.status == 429 or (answer.status >= 500 and any(codes)):
        return Check("warn", source.name, what, f"{told(answer)}: busy or out of order for now; export asks again")
    if "DRS.M00261" in codes:
        why = "the project id is wrong, or of another region"
    elif answer.status in (401, 403):
        why = "the user needs a policy that allows to read DRS"
    else:
        why = "not the answer of DRS: check endpoint and project_id"
    return Check("fail", source.name, what, f"{told(answer)}: {why}")


def _database(url: str, sources: Sequence[Source]) -> Iterator[Check]:
    path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    if path is not None and not path.exists():
        if not os.access(path.parent, os.W_OK | os.X_OK):
            yield Check("fail", "database", "file", f"{path} is not there, and its folder cannot be written")
            return
        yield Check("ok", "database", "file", f"{path} is not there yet; export creates it")
        yield from _disk(path)
        return
    try:
        with open_store(url, write=False) as store:
            at = current(store)
            yield Check("ok", "database", "connection", str(store))
            yield _revision(store, at)
            if at == REVISION:
                yield _privileges(store)
                for source in sources:
                    who = holder(store, source.name)
                    yield Check("warn" if who else "ok", source.name, "lock", f"held by {who}" if who else "free")
            if store.path is not None:
                yield from _disk(store.path)
    except InventoryError as error:
        yield Check("fail", "database", "connection", str(error))


def _revision(store: Store, at: str | None) -> Check:
    if store.is_sqlite and (at or "") < REVISION:
        said = f"{at or 'none'}, this version needs {REVISION}; export upgrades the file, with a copy beside it"
        return Check("warn", "database", "revision", said)
    try:
        require_head(store)
    except StoreError as error:
        return Check("fail", "database", "revision", str(error))
    return Check("ok", "database", "revision", REVISION)


def _privileges(store: Store) -> Check:
    if store.path is not None:
        missing = [str(each) for each in (store.path, store.path.absolute().parent) if not os.access(each, os.W_OK)]
    else:
        missing = _refused(store)
    if missing:
        return Check("fail", "database", "privileges", f"no right to write: {', '.join(missing)}")
    return Check("ok", "database", "privileges", "may read and write")


def _refused(store: Store) -> list[str]:
    """Name what of a PostgreSQL database this user may not write."""
    table = text(
        "SELECT bool_and(has_table_privilege(:name, p)) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p"
    )
    numbers = text("SELECT has_sequence_privilege(pg_get_serial_sequence(:name, 'id'), 'USAGE')")
    temporary = text("SELECT has_database_privilege(current_database(), 'TEMP')")
    with translated(store), store.engine.connect() as connection:

        def may(query: TextClause, **names: str) -> bool:
            return bool(connection.execute(query, names).scalar())

        missing = [each.name for each in METADATA.sorted_tables if not may(table, name=each.name)]
        missing += [f"numbers of {each.name}" for each in (SOURCES, SNAPSHOTS) if not may(numbers, name=each.name)]
        return missing if may(temporary) else [*missing, "temporary tables"]


def _disk(path: Path) -> Iterator[Check]:
    """Compare what is free with what an export may need: a journal, and staged rows in the temporary folder."""
    size = path.stat().st_size if path.exists() else 0
    for what, folder in (("disk", path.absolute().parent), ("temporary", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        state = "ok" if free > max(LEAST_FREE, size) else "warn"
        yield Check(state, "database", what, f"{free // MIB:,} MiB free in {folder}, the database has {size // MIB:,}")
