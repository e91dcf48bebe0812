"""Signs a source in: connections to its endpoint, its credential, and its project."""

from collections.abc import Callable
from dataclasses import dataclass

from inventory.address import check_address, drs_endpoint, iam_endpoint
from inventory.errors import SourceError
from inventory.exchange import Exchange, Request, Response
from inventory.jsontext import Json
from inventory.log import logger
from inventory.settings import MIB, Source
from inventory.source.auth import Auth, Auths, PasswordAuth, ask
from inventory.source.iam import document_of, patiently, told
from inventory.stop import Stop

__all__ = ["Connect", "Session", "sign_in"]

Connect = Callable[[str, Source], Exchange]


@dataclass(frozen=True)
class Session:
    """A source that can be asked: `ask(session.http, session.auth, …)`, under /v3/{project_id}."""

    http: Exchange
    auth: Auth
    project_id: str


def sign_in(source: Source, stop: Stop, auths: Auths, connect: Connect | None = None) -> Session:
    """Prepare all that asking a source needs. Asks IAM where the project is not given.

    Args:
        auths: the run's; what was learnt of a credential for one source is known for all.
        connect: opens connections to its endpoint; without it they are this process's own.

    Raises:
        SourceError: the credential is refused, or the project is not to be found.
    """
    endpoint = source.endpoint or (drs_endpoint(source.region) if source.region else None)
    iam = source.iam_endpoint or (iam_endpoint(source.region) if source.region else None)
    if endpoint is None:
        raise SourceError(f"{source.name} has no address", "Give its region or endpoint")
    for key, address in (("endpoint", endpoint), ("iam_endpoint", iam)):
        why = check_address(address, plain_http=source.plain_http) if address else None
        if why:
            raise SourceError(f"the {key} of {source.name} is refused: {why}")
    auth = auths.auth_for(source, iam)
    if source.credentials is not None:
        logger().info("signing in", host=endpoint, origin=source.credentials.origin)
    project_id = source.project_id or (auth.project_id if isinstance(auth, PasswordAuth) else None)
    if project_id is None:
        project_id = _find_project(source, iam, auth, stop)
    return Session((connect or _directly)(endpoint, source), auth, project_id)


def _directly(url: str, source: Source) -> Exchange:
    from inventory.http import Http

    return Http(url, timeout=source.timeout, max_body=source.max_body)


def _find_project(source: Source, iam: str | None, auth: Auth, stop: Stop) -> str:
    """Ask IAM for the region's main project: sub-projects are named REGION_NAME (API facts, 3.2)."""
    if source.region is None or iam is None:
        raise SourceError(f"the project of {source.name} cannot be found without a region", "Give project_id")
    from inventory.http import Http

    http = Http(iam, timeout=source.timeout, max_body=16 * MIB)

    def projects(path: str, query: tuple[tuple[str, str], ...]) -> Response:
        return patiently(http, stop, lambda: ask(http, auth, Request("GET", path, query)))

    try:
        answer = projects("/v3/projects", (("name", source.region),))
        if answer.status == 403:  # to list all needs a permission; to list one's own needs none
            answer = projects("/v3/auth/projects", ())
    finally:
        http.close()
    found = _ids(document_of(answer).get("projects"), source.region)
    if answer.status != 200 or len(found) != 1:
        what = f"{told(answer)}, {len(found)} projects" + (f": {', '.join(found)}" if found else "")
        raise SourceError(f"{iam} does not tell which project {source.region} is ({what})", "Give project_id")
    return found[0]


def _ids(projects: Json, region: str) -> list[str]:
    listed = projects if isinstance(projects, list) else []
    return sorted(
        str(each["id"])
        for each in listed
        if isinstance(each, dict) and each.get("name") == region and isinstance(each.get("id"), str)
    )
