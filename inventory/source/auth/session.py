"""Opens a session for a source: connections to its endpoint, its credential, and its project id."""

import re
from dataclasses import dataclass

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError
from inventory.common.exact_json import Json
from inventory.common.log import logger
from inventory.config.endpoints import check_address, drs_endpoint, iam_endpoint
from inventory.config.settings import MIB, Source
from inventory.source.auth import Auth, AuthCache, PasswordAuth, send_with_auth
from inventory.source.auth.iam import describe, document_of, send_with_retries
from inventory.source.transport import Request, Response, Transport

__all__ = ["Session", "sign_in"]

_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@dataclass(frozen=True)
class Session:
    """Sends a source's requests: `send_with_auth(session.http, session.auth, …)`, below /v3/{project_id}."""

    http: Transport
    auth: Auth
    project_id: str


def sign_in(source: Source, stop: Stop, auth_cache: AuthCache) -> Session:
    """Open a session. Asks IAM for the project id if the configuration does not give it.

    Args:
        auth_cache: the credentials of the run, shared by all sources.

    Raises:
        SourceError: the credential is refused, or the project cannot be found.
    """
    endpoint = source.endpoint or (drs_endpoint(source.region) if source.region else None)
    iam = source.iam_endpoint or (iam_endpoint(source.region) if source.region else None)
    if endpoint is None:
        raise SourceError("the source has no address", "Set region or endpoint")
    for key, address in (("endpoint", endpoint), ("iam_endpoint", iam)):
        why = check_address(address, plain_http=source.plain_http) if address else None
        if why:
            raise SourceError(f"the {key} is refused: {why}")
    auth = auth_cache.auth_for(source, iam)
    if source.credentials is not None:
        logger().info("signing in", host=endpoint, origin=source.credentials.origin)
    project_id = source.project_id or (auth.project_id if isinstance(auth, PasswordAuth) else None)
    if project_id is None:
        project_id = _find_project(source, iam, auth, stop)
    if not _PROJECT.match(project_id):
        raise SourceError(f"{iam} names a project whose id cannot be sent", "Give project_id")
    from inventory.source.http import Http

    http = Http(endpoint, timeout=source.timeout, max_body=source.max_body)
    return Session(http, auth.for_project(project_id), project_id)


def _find_project(source: Source, iam: str | None, auth: Auth, stop: Stop) -> str:
    """Ask IAM for the id of the configured project, else of the region's main project (API facts, 3.2).

    Sub-projects are named REGION_NAME. A name that is not found is an error: the main project has other jobs.
    """
    name = source.project_name or source.region
    if name is None or iam is None:
        raise SourceError("the project cannot be looked up without a region", "Give project_id")
    from inventory.source.http import Http

    http = Http(iam, timeout=source.timeout, max_body=16 * MIB)

    def projects(path: str, query: tuple[tuple[str, str], ...]) -> Response:
        request = Request("GET", path, query, until=stop.ends)
        return send_with_retries(
            http, stop, lambda: send_with_auth(http, auth, request), source.retry_seconds, "projects"
        )

    try:
        answer = projects("/v3/projects", (("name", name),))
        if answer.status == 403:  # listing all projects needs a permission; listing the user's own does not
            answer = projects("/v3/auth/projects", ())
    finally:
        http.close()
    found = _ids(document_of(answer).get("projects"), name)
    if answer.status == 200 and len(found) == 1:
        return found[0]
    if answer.status != 200:
        raise SourceError(f"{iam} does not tell the id of project {name!r}: {describe(answer)}", "Give project_id")
    key = "project_name" if source.project_name else "region"
    if not found:
        raise SourceError(f"{iam} lists no project named {name!r} for this user", f"Check {key}. Give project_id")
    raise SourceError(f"{iam} lists {len(found)} projects named {name!r}: {', '.join(found)}", "Give project_id")


def _ids(projects: Json, name: str) -> list[str]:
    listed = projects if isinstance(projects, list) else []
    return sorted(
        str(each["id"])
        for each in listed
        if isinstance(each, dict) and each.get("name") == name and isinstance(each.get("id"), str)
    )
