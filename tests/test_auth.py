"""Signing in, over real HTTP: nothing wrong is sent twice, tokens are renewed once, projects are found."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError, StoppedError
from inventory.config.credentials import Credentials, Keys, Password, Token
from inventory.config.endpoints import redirect_target
from inventory.config.settings import Source
from inventory.mock import DrsServer
from inventory.mock.iam import DOMAIN_ID, USER_ID
from inventory.source.auth import AuthCache, send_with_auth
from inventory.source.auth.session import Session, sign_in
from inventory.source.auth.signing import sign
from inventory.source.transport import Request, Response
from tests.web import Reply, Sent, Web

REGION = "cn-north-4"
KEYS = Keys("AK1", "right")
USER = Password("me", "right", "account")
TOO_MANY = Reply(429)


def document(status: int, content: Any, **headers: str) -> Reply:
    return Reply(status, (json.dumps(content).encode(),), headers)


def refusal(code: str = "APIGW.0301", **headers: str) -> Reply:
    return document(401, {"error_code": code, "error_msg": "hush: the token is …", "request_id": "1"}, **headers)


class Cloud:
    """IAM and DRS behind one address, strict about who asks. `first`: answers given before any other, by path."""

    def __init__(self) -> None:
        self.good: set[str] = {"given"}
        self.first: dict[str, list[Reply]] = {}
        self.lifetime = 86400.0
        self.projects = [{"id": "p1", "name": REGION}, {"id": "p2", "name": f"{REGION}_sub"}]
        self.may_list_all = True
        self.refused = "APIGW.0301"
        self.slow = 0.0
        self.web = Web(self.answer)
        self._lock = threading.Lock()

    def sent(self, path: str) -> list[Sent]:
        return [each for each in self.web.sent if each.path.startswith(path)]

    def answer(self, sent: Sent) -> Reply:
        time.sleep(self.slow)
        path = sent.path.split("?")[0]
        with self._lock:
            if self.first.get(path):
                return self.first[path].pop(0)
            if path == "/v3/auth/tokens":
                return self.token(json.loads(sent.body)["auth"])
        if not (self.signed(sent) if "authorization" in sent.headers else sent.headers["x-auth-token"] in self.good):
            return refusal(self.refused)
        if path == "/v3/projects" and not self.may_list_all:
            return document(403, {"error": {"code": "IAM.0006"}})
        if path in ("/v3/projects", "/v3/auth/projects"):
            return document(200, {"projects": self.projects})
        return document(200, {"results": []})

    def token(self, auth: Any) -> Reply:
        user = auth["identity"]["password"]["user"]
        if user != {"name": "me", "password": "right", "domain": {"name": "account"}}:
            return document(401, {"error": {"code": 401, "message": "hush", "title": "Unauthorized"}})
        project = auth["scope"]["project"]
        found = next((p for p in self.projects if project.items() <= p.items()), None)
        if found is None:
            return document(401, {"error": {"code": 401, "message": "hush", "title": "Unauthorized"}})
        token = f"token-{len(self.sent('/v3/auth/tokens'))}"
        self.good.add(token)
        ends = (datetime.now(UTC) + timedelta(seconds=self.lifetime)).isoformat().replace("+00:00", "Z")
        return document(201, {"token": {"expires_at": ends, "project": found}}, **{"X-Subject-Token": token})

    def signed(self, sent: Sent) -> bool:
        path, _, query = sent.path.partition("?")
        pairs = [(name, value) for name, _, value in (each.partition("=") for each in query.split("&") if each)]
        at = datetime.strptime(sent.headers["x-sdk-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        names = sent.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        kept = {name: sent.headers[name] for name in names if name not in ("host", "x-sdk-date")}
        right = sign(KEYS, sent.method, sent.headers["host"], path, pairs, kept, sent.body, at)
        return right["Authorization"] == sent.headers["authorization"]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    with cloud.web:
        yield cloud


@pytest.fixture
def enter(cloud: Cloud) -> Iterator[Callable[..., Session]]:
    """Sign a source in; all sources of a test are of one run."""
    stop = Stop()
    auths = AuthCache(stop)
    made: list[Session] = []

    def enter(credentials: Credentials | None, **keys: Any) -> Session:
        source = Source(
            name="live", region=REGION, endpoint=cloud.web.url, iam_endpoint=cloud.web.url, timeout=5,
            credentials=credentials,
        )  # fmt: skip
        made.append(sign_in(replace(source, **keys), stop, auths))
        return made[-1]

    yield enter
    for each in made:
        each.http.close()


Enter = Callable[..., Session]


def detail(session: Session) -> Response:
    headers = {"Content-Type": "application/json"}
    path = f"/v3/{session.project_id}/jobs/batch-detail"
    return send_with_auth(session.http, session.auth, Request("POST", path, headers=headers, body=b'{"jobs": []}'))


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run all at once; return the results, and the errors as results."""

    def one(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except SourceError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.mark.parametrize("credentials", [Token("given"), KEYS, Keys("AK1", "right", "temporary"), USER])
def test_every_way_finds_its_project_and_is_let_in(cloud: Cloud, enter: Enter, credentials: Credentials) -> None:
    session = enter(credentials)
    assert session.project_id == "p1"
    assert detail(session).status == 200
    sent = cloud.web.sent[-1]
    assert sent.headers.get("x-security-token") == getattr(credentials, "security_token", None)
    assert (len(cloud.sent("/v3/projects")), len(cloud.sent("/v3/auth/tokens"))) == (
        (0, 1) if credentials is USER else (1, 0)
    )


def test_a_token_is_asked_for_the_project_or_the_region(cloud: Cloud, enter: Enter) -> None:
    assert enter(USER).project_id == "p1"
    detail(enter(USER, project_id="p2"))
    assert [json.loads(each.body)["auth"]["scope"] for each in cloud.sent("/v3/auth/tokens?nocatalog=true")] == [
        {"project": {"name": REGION}},
        {"project": {"id": "p2"}},
    ]


def test_a_project_that_is_given_is_not_looked_for(cloud: Cloud, enter: Enter) -> None:
    assert detail(enter(KEYS, project_id="p2", region=None, iam_endpoint=None)).status == 200
    assert [each.path for each in cloud.web.sent] == ["/v3/p2/jobs/batch-detail"]


def test_who_may_not_list_all_projects_lists_their_own(cloud: Cloud, enter: Enter) -> None:
    cloud.may_list_all = False
    assert enter(KEYS).project_id == "p1"


@pytest.mark.parametrize("ids", [[], ["one", "two"]])
def test_a_project_that_is_not_one_is_asked_for(cloud: Cloud, enter: Enter, ids: list[str]) -> None:
    cloud.projects = [{"id": each, "name": REGION} for each in ids] + [{"id": "x", "name": "other"}]
    with pytest.raises(SourceError, match="Give project_id") as caught:
        enter(KEYS)
    assert all(each in str(caught.value) for each in ids)


@pytest.mark.parametrize(
    "credentials", [Token("bad-one"), Keys("AK1", "bad-one"), Password("me", "bad-one", "account")]
)
@pytest.mark.parametrize("project", ["p1", None], ids=["given", "looked for"])
def test_a_bad_credential_is_sent_once_by_all_threads_and_sources(
    cloud: Cloud, enter: Enter, credentials: Credentials, project: str | None
) -> None:
    cloud.slow = 0.05
    errors = together([lambda: detail(enter(credentials, project_id=project))] * 4)
    assert all(isinstance(each, SourceError) and "HTTP 401" in str(each) for each in errors)
    assert len(cloud.web.sent) == 1
    assert not any("hush" in str(each) or "bad-one" in str(each) for each in errors)
    with pytest.raises(SourceError, match="401"):
        detail(enter(credentials, project_id=project))
    assert len(cloud.web.sent) == 1


def test_a_wrong_password_is_tried_once_for_all_projects(cloud: Cloud, enter: Enter) -> None:
    cloud.slow = 0.05
    wrong = replace(USER, password="bad-one")
    errors = together([lambda p=p: detail(enter(wrong, project_id=p)) for p in ("p1", "p2", "p3")])  # type: ignore[misc]
    assert all("not tried again" in str(each) for each in errors)
    assert len(cloud.web.sent) == 1


def test_a_key_of_another_region_is_good_in_its_own(cloud: Cloud, enter: Enter) -> None:
    cloud.first["/v3/p2/jobs/batch-detail"] = [refusal("APIGW.0307")]
    with pytest.raises(SourceError, match=r"APIGW\.0307"):
        detail(enter(KEYS, project_id="p2"))
    assert detail(enter(KEYS, project_id="p1")).status == 200


def test_the_first_request_is_alone_and_the_rest_are_not(cloud: Cloud, enter: Enter) -> None:
    cloud.slow = 0.1
    session = enter(KEYS, project_id="p1")
    cloud.first["/v3/p1/jobs/batch-detail"] = [Reply(500), Reply(429)]
    statuses = [each.status for each in together([lambda: detail(session)] * 3)]
    assert (sorted(statuses), cloud.web.busiest) == ([200, 429, 500], 1)
    together([lambda: detail(session)] * 4)
    assert cloud.web.busiest > 1


def test_no_permission_is_an_answer_and_no_refusal(cloud: Cloud, enter: Enter) -> None:
    session = enter(KEYS, project_id="p1")
    cloud.first["/v3/p1/jobs/batch-detail"] = [refusal("DRS.M00103")]
    assert detail(session).status == 401
    assert detail(session).status == 200


@pytest.mark.parametrize("code", ["APIGW.0301", "APIGW.0307", "APIG.0301"])
def test_a_token_that_is_refused_is_renewed_once_by_one_thread(cloud: Cloud, enter: Enter, code: str) -> None:
    session = enter(USER)
    detail(session)
    cloud.refused = code
    cloud.good.clear()
    cloud.slow = 0.05
    assert [each.status for each in together([lambda: detail(session)] * 6)] == [200] * 6
    assert len(cloud.sent("/v3/auth/tokens")) == 2


def test_a_token_that_is_refused_anew_ends_it(cloud: Cloud, enter: Enter) -> None:
    session = enter(USER)
    cloud.first["/v3/p1/jobs/batch-detail"] = [refusal(), refusal(), refusal()]
    errors = together([lambda: detail(session)] * 3)
    assert all("APIGW.0301" in str(each) for each in errors)
    assert len(cloud.sent("/v3/p1/jobs")) == 2
    assert len(cloud.sent("/v3/auth/tokens")) == 2


def test_another_refusal_renews_nothing(cloud: Cloud, enter: Enter) -> None:
    session = enter(USER)
    cloud.first["/v3/p1/jobs/batch-detail"] = [refusal("APIGW.0305")]
    with pytest.raises(SourceError, match=r"APIGW\.0305"):
        detail(session)
    assert len(cloud.sent("/v3/auth/tokens")) == 1


def test_a_token_is_renewed_before_it_expires(cloud: Cloud, enter: Enter) -> None:
    cloud.lifetime = 2.5  # the Date header has whole seconds, so at least 1.5 of it are left
    session = enter(USER)
    detail(session)
    assert len(cloud.sent("/v3/auth/tokens")) == 1
    time.sleep(2.9)
    detail(session)
    assert len(cloud.sent("/v3/auth/tokens")) == 2
    assert [each.headers["x-auth-token"] for each in cloud.sent("/v3/p1")] == ["token-1", "token-2"]


def test_iam_is_asked_again_where_it_is_busy(cloud: Cloud, enter: Enter) -> None:
    cloud.first["/v3/auth/tokens"] = [TOO_MANY, Reply(200, length=9)]
    assert enter(USER).project_id == "p1"
    cloud.first["/v3/projects"] = [Reply(502)]
    assert enter(KEYS).project_id == "p1"


def test_iam_that_stays_busy_ends_it_for_one_project_alone(cloud: Cloud, enter: Enter) -> None:
    cloud.first["/v3/auth/tokens"] = [TOO_MANY] * 99
    errors = together([lambda: enter(USER, retry_seconds=1)] * 3)
    assert all("failed: HTTP 429 (" in str(each) and "attempts in 1 s)" in str(each) for each in errors)
    assert 2 <= len(cloud.web.sent) <= 6
    cloud.first.clear()
    assert detail(enter(USER, project_id="p2")).status == 200


@pytest.mark.parametrize(("reply", "told"), [
    (Reply(500), "HTTP 500"), (TOO_MANY, "HTTP 429"), (Reply(200, length=9), "no answer: "),
])  # fmt: skip
@pytest.mark.parametrize("credentials", [USER, KEYS], ids=["sign-in", "look-up"])
def test_a_transient_fault_of_iam_is_told_truly(
    cloud: Cloud, enter: Enter, credentials: Credentials, reply: Reply, told: str
) -> None:
    cloud.first = {"/v3/auth/tokens": [reply], "/v3/projects": [reply]}
    with pytest.raises(SourceError) as caught:
        enter(credentials, retry_seconds=0)
    assert str(caught.value).startswith(f"{cloud.web.url} failed: {told}")
    assert "(1 attempt in 0 s). " in str(caught.value)
    assert "run it again later" in str(caught.value)
    assert "project_id" not in str(caught.value)


@pytest.mark.parametrize("credentials", [USER, KEYS], ids=["sign-in", "look-up"])
def test_retry_after_is_obeyed(cloud: Cloud, enter: Enter, credentials: Credentials) -> None:
    def busy(seconds: str) -> dict[str, list[Reply]]:
        reply = Reply(503, headers={"Retry-After": seconds})
        return {"/v3/auth/tokens": [reply], "/v3/projects": [reply]}

    cloud.first = busy("2")
    began = time.monotonic()
    assert enter(credentials).project_id == "p1"
    assert time.monotonic() - began >= 2
    cloud.first = busy("3600")
    sent = len(cloud.web.sent)
    with pytest.raises(SourceError, match="HTTP 503"):
        enter(credentials, region=f"{REGION}_sub")
    assert len(cloud.web.sent) == sent + 1


@pytest.mark.parametrize("kind", ["sign-in", "look-up"])
def test_iam_that_is_away_is_waited_for(enter: Enter, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = DrsServer({}, port=port)
    user = Password(server.username, server.password, server.domain)
    credentials = user if kind == "sign-in" else Keys(server.access_key, server.secret_key)
    starts = threading.Timer(1.0, server.start)
    starts.start()
    try:
        address = f"http://127.0.0.1:{port}"
        session = enter(credentials, region=server.region, endpoint=address, iam_endpoint=address, retry_seconds=60)
        assert session.project_id == server.project_id
    finally:
        starts.join()
        server.stop()


def test_a_refusal_in_one_project_stops_no_other(cloud: Cloud, enter: Enter) -> None:
    first = enter(KEYS, name="a", project_id="p1")
    assert detail(first).status == 200
    cloud.first["/v3/p2/jobs/batch-detail"] = [refusal()]
    other = enter(KEYS, name="b", project_id="p2")
    with pytest.raises(SourceError, match="was accepted before in this run, so only this source fails"):
        detail(other)
    with pytest.raises(SourceError, match=r"APIGW\.0301"):
        detail(other)
    assert len(cloud.sent("/v3/p2/jobs")) == 1
    assert detail(first).status == 200
    assert detail(enter(KEYS, name="c", project_id="p3")).status == 200


def test_a_look_up_that_is_refused_stops_no_other(cloud: Cloud, enter: Enter) -> None:
    assert enter(KEYS, name="a").project_id == "p1"
    cloud.first["/v3/projects"] = [refusal()]
    with pytest.raises(SourceError, match="only this source fails"):
        enter(KEYS, name="b")
    assert enter(KEYS, name="c").project_id == "p1"


def test_a_project_that_a_password_does_not_open_stops_no_other(cloud: Cloud, enter: Enter) -> None:
    assert enter(USER).project_id == "p1"
    cloud.first["/v3/auth/tokens"] = [document(401, {"error": {"code": 401}})]
    with pytest.raises(SourceError, match="accepted for another project in this run"):
        detail(enter(USER, project_id="p9"))
    assert detail(enter(USER, project_id="p2")).status == 200


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_what_may_not_have_looked_at_the_credential_does_not_accept_it(cloud: Cloud, enter: Enter, status: int) -> None:
    session = enter(KEYS, project_id="p1")
    cloud.first["/v3/p1/jobs/batch-detail"] = [Reply(status)]
    assert detail(session).status == status
    assert not session.auth.guard.is_accepted


def test_a_wrong_key_is_sent_once_after_a_403(cloud: Cloud, enter: Enter) -> None:
    wrong = Keys("AK1", "bad-one")
    cloud.first["/v3/p1/jobs/batch-detail"] = [document(403, {"error_code": "WAF"})]
    assert detail(enter(wrong, name="a", project_id="p1")).status == 403
    cloud.slow = 0.05
    errors = together([lambda n=n: detail(enter(wrong, name=n, project_id="p1")) for n in "bcdef"])  # type: ignore[misc]
    assert all("secret key is wrong" in str(each) for each in errors)
    assert len(cloud.web.sent) == 2


@pytest.mark.parametrize("credentials", [KEYS, Keys("AK1", "right", "temporary"), Token("given"), USER])
def test_a_key_says_which_project_it_speaks_for(cloud: Cloud, enter: Enter, credentials: Credentials) -> None:
    session = enter(credentials, project_name=f"{REGION}_sub")
    assert session.project_id == "p2"
    assert detail(session).status == 200
    (asked,) = cloud.sent("/v3/p2/jobs")
    named = "p2" if isinstance(credentials, Keys) else None
    assert asked.headers.get("x-project-id") == named
    assert ("x-project-id" in asked.headers.get("authorization", "")) == bool(named)
    assert all("x-project-id" not in each.headers for each in cloud.web.sent if each is not asked)


def test_a_password_s_token_is_for_the_named_project(cloud: Cloud, enter: Enter) -> None:
    assert enter(USER, project_name=f"{REGION}_sub").project_id == "p2"
    (asked,) = cloud.web.sent
    assert json.loads(asked.body)["auth"]["scope"] == {"project": {"name": f"{REGION}_sub"}}


@pytest.mark.parametrize("may_list_all", [True, False])
def test_a_name_that_is_not_found_is_no_other_project(cloud: Cloud, enter: Enter, may_list_all: bool) -> None:
    cloud.may_list_all = may_list_all
    with pytest.raises(SourceError) as caught:
        enter(KEYS, project_name=f"{REGION}_tema")
    assert f"lists no project named '{REGION}_tema'" in str(caught.value)
    assert "Check project_name" in str(caught.value)
    with pytest.raises(SourceError, match="does not sign in"):
        enter(USER, project_name=f"{REGION}_tema")


@pytest.mark.parametrize(("location", "shown"), [
    ("https://drs.example:8443/v3/x?token=hush#hush", "https://drs.example:8443/v3/x, which"),
    ("https://me:hush@drs.example/", "https://drs.example/, which"),
    ("/login?next=hush", "/login, which"),
    ("//other.example/a", "http://other.example/a, which"),
    ("https://[hush", "an address that cannot be read"),
    ("", "an address that is not named"),
])  # fmt: skip
@pytest.mark.parametrize("call", ["details", "look-up", "sign-in"])
def test_a_redirect_says_where_it_leads(cloud: Cloud, enter: Enter, call: str, location: str, shown: str) -> None:
    reply = Reply(308, headers={"Location": location})
    cloud.first = {path: [reply] for path in ("/v3/auth/tokens", "/v3/projects", "/v3/p1/jobs/batch-detail")}
    with pytest.raises(SourceError) as caught:
        detail(enter(USER if call == "sign-in" else KEYS, project_id="p1" if call == "details" else None))
    assert f"HTTP 308. It redirects to {cloud.web.url if shown.startswith('/') else ''}{shown}" in str(caught.value)
    assert f"instead of {cloud.web.url}" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert len(cloud.web.sent) == 1


@pytest.mark.parametrize(("location", "shown"), [
    ("/\x1b[2Jé\u202eb", "https://drs.example:8443/?[2J?b"),
    ("https://[2001:db8::1]:444/a", "https://[2001:db8::1]:444/a"),
    ("https://drs.example:port/", "an address that cannot be read"),
    ("javascript:alert(1)", "an address that is not named"),
    ("/" + "a" * 9000, "https://drs.example:8443/" + "a" * 175),
])  # fmt: skip
def test_a_redirect_is_shown_without_what_could_hurt(location: str, shown: str) -> None:
    assert redirect_target("https://drs.example:8443", location) == shown


def test_a_token_that_is_still_good_outlives_iam(cloud: Cloud, enter: Enter) -> None:
    cloud.lifetime = 5.5  # renewed after four fifths; the Date header has whole seconds
    session = enter(USER, retry_seconds=0)
    cloud.first["/v3/auth/tokens"] = [Reply(500)] * 99
    until = time.monotonic() + 20
    while len(cloud.sent("/v3/auth/tokens")) < 2:
        assert detail(session).status == 200
        assert time.monotonic() < until
        time.sleep(0.1)
    assert detail(session).status == 200


@pytest.mark.parametrize("user", [
    Password("rehearsal", "mock-password", "mock-domain"),
    Password("rehearsal", "mock-password", domain_id=DOMAIN_ID),
    Password(password="mock-password", user_id=USER_ID),
])  # fmt: skip
def test_a_user_is_named_in_each_way(enter: Enter, user: Password) -> None:
    with DrsServer({}) as server:
        here = {"region": server.region, "endpoint": server.url, "iam_endpoint": server.url}
        assert enter(user, **here).project_id == server.project_id


def test_a_sub_project_is_read_with_a_key(enter: Enter) -> None:
    with DrsServer({}) as server:
        server.project_name = f"{server.region}_team"
        keys = Keys(server.access_key, server.secret_key)
        here = {"region": server.region, "endpoint": server.url, "iam_endpoint": server.url}
        session = enter(keys, project_name=server.project_name, **here)
        assert session.project_id == server.project_id
        path = f"/v3/{server.project_id}/jobs"
        body = json.dumps({"cur_page": 1, "per_page": 1, "db_use_type": "sync"}).encode()
        request = Request("POST", path, headers={"Content-Type": "application/json"}, body=body)
        assert send_with_auth(session.http, session.auth, request).status == 200
        headers = sign(keys, "POST", session.http.host, path, (), request.headers, body, datetime.now(UTC))
        bare = session.http.send(request._replace(headers=headers))  # as it was sent before
        assert (bare.status, json.loads(bare.content)["error_code"]) == (403, "DRS.M00261")
        main = enter(keys, **here)
        assert main.project_id == server.main_project_id != server.project_id
        user = Password(server.username, server.password, server.domain)
        token = enter(user, project_name=server.project_name, **here)
        assert send_with_auth(token.http, token.auth, request).status == 200


@pytest.mark.parametrize("reply", [Reply(201), Reply(307, headers={"Location": "/"}), Reply(400, (b"<html>hush",))])
def test_a_log_in_that_brings_no_token_ends_it(cloud: Cloud, enter: Enter, reply: Reply) -> None:
    cloud.first["/v3/auth/tokens"] = [reply]
    with pytest.raises(SourceError, match=f"does not sign in .*: HTTP {reply.status}") as caught:
        enter(USER)
    assert "hush" not in str(caught.value)
    assert len(cloud.web.sent) == 1


def test_waiting_for_iam_ends_when_asked_to_stop(cloud: Cloud) -> None:
    stop = Stop()
    cloud.first["/v3/auth/tokens"] = [TOO_MANY] * 9
    cloud.slow = 0.1
    source = Source("live", REGION, endpoint=cloud.web.url, iam_endpoint=cloud.web.url, credentials=USER)
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(StoppedError):
        sign_in(source, stop, AuthCache(stop))
    assert len(cloud.web.sent) == 1


@pytest.mark.parametrize(
    ("minutes", "told"), [(-20, "1200 s ahead of"), (20, "1200 s behind"), (0, "secret key is wrong")]
)
def test_a_wrong_clock_is_told(cloud: Cloud, enter: Enter, minutes: int, told: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    cloud.first["/v3/p1/jobs/batch-detail"] = [refusal("APIGW.0303", Date=date)]
    with pytest.raises(SourceError) as caught:
        detail(enter(KEYS, project_id="p1"))
    assert told in re.sub(r"\b1(19\d|20\d) s", "1200 s", str(caught.value))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"endpoint": "http://drs.example", "project_id": "p"}, "the endpoint is refused: http"),
        ({"iam_endpoint": "http://iam.example"}, "the iam_endpoint is refused: http"),
        ({"credentials": None}, "the source has no credentials"),
        ({"region": None, "iam_endpoint": None, "credentials": KEYS}, "Give project_id"),
        ({"region": None, "endpoint": None}, "Set region or endpoint"),
        ({"region": None, "iam_endpoint": None, "project_id": "p"}, "iam_endpoint and project_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_entered(cloud: Cloud, enter: Enter, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(SourceError, match=told):
        enter(**{"credentials": USER, **keys})
    assert cloud.web.sent == []
