"""IAM on the same server: tokens for a password, and the list of projects. Errors have Keystone's format."""

import re
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from inventory.mock.answers import Answer, RefusedError
from inventory.mock.faults import RecordedRequest
from inventory.mock.identity import Identity
from inventory.mock.parts import Job

__all__ = ["Iam"]

ROUTE = re.compile(r"/v3/(auth/tokens|auth/projects|projects)/?(?:\?(.*))?")
DOMAIN_ID = "65382450e8f64ac0870cd180d14e684b"
USER_ID = "7116d09f88fa41908676fdd4b039e95b"


class Iam(Identity):
    """The part of the service that handles users and projects."""

    def iam(self, request: RecordedRequest) -> Answer | None:
        """Answer a request to IAM; None for any other request."""
        route = ROUTE.fullmatch(request.path)
        if route is None or request.method != ("POST" if route[1] == "auth/tokens" else "GET"):
            return None
        if route[1] == "auth/tokens":
            return self._token(request.document)
        try:
            self.authenticate(request)
        except RefusedError:
            if "authorization" in request.headers:
                raise
            return _refuse_answer(401, "Unauthorized", "The request you have made requires authentication.")
        known = self.projects()
        names = parse_qs(route[2] or "").get("name", list(known))
        found = [self._project(name, project_id) for name, project_id in known.items() if name in names]
        return Answer(200, {"projects": found, "links": {"next": None, "previous": None, "self": request.path}})

    @staticmethod
    def _project(name: str, project_id: str) -> Job:
        about = {"domain_id": DOMAIN_ID, "parent_id": DOMAIN_ID, "is_domain": False, "enabled": True}
        return about | {"id": project_id, "name": name, "description": "", "links": {}}

    def _token(self, body: Any) -> Answer:
        try:
            identity = body["auth"]["identity"]
            user = identity["password"]["user"]
            given = (identity["methods"], self._user_name(user), user["password"])
            scope = body["auth"].get("scope", {}).get("project")
        except (AttributeError, KeyError, TypeError):
            return _refuse_answer(400, "Bad Request", "Request parameter 'auth' is invalid.")
        if given != (["password"], self.username, self.password):
            return _refuse_answer(401, "Unauthorized", "The username or password is wrong.")
        project = next((name for name, i in self.projects().items() if scope in ({"id": i}, {"name": name})), "")
        if scope is not None and not project:
            return _refuse_answer(401, "Unauthorized", "The project of the scope does not exist.")
        token = f"MII{secrets.token_urlsafe(48)}"
        self.issue(token, self.projects().get(project, ""))
        return Answer(201, {"token": self._token_document(project)}, {"X-Subject-Token": token})

    def _user_name(self, user: Any) -> str:
        """Return the name of a user given by id, or by name and domain; '' if unknown."""
        if "id" in user:
            return self.username if user["id"] == USER_ID else ""
        known = user["domain"] in ({"name": self.domain}, {"id": DOMAIN_ID})
        return str(user["name"]) if known else ""

    def _token_document(self, project: str) -> Job:
        domain = {"id": DOMAIN_ID, "name": self.domain}
        now = self.now()
        token: Job = {"methods": ["password"], "issued_at": _utc(now), "roles": [], "catalog": []}
        token["expires_at"] = _utc(now + timedelta(seconds=self.token_seconds))
        token["user"] = {"id": USER_ID, "name": self.username, "domain": domain, "password_expires_at": ""}
        about = {"id": self.projects().get(project), "name": project, "domain": domain}
        return token | {"project": about} if project else token


def _refuse_answer(status: int, title: str, text: str) -> Answer:
    return Answer(status, {"error": {"code": status, "message": text, "title": title}})


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
