"""The keys of the configuration, declared once: type, bounds, default and meaning of each.

`convert` reads a file with these structs; `json_schema` generates the JSON Schema and the table of keys from them.
`Meta.extra` has properties that JSON Schema does not have:

wrong: the message for an invalid value. items: what a list consists of. check: a function that returns what is wrong
with a text, or None. read: a function that parses a text, and returns None if it cannot. secret: never shown.
"""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
import msgspec.inspect as types
from msgspec import UNSET, Meta, Struct, UnsetType

from inventory.common.errors import InventoryError
from inventory.config.endpoints import REGIONS, check_address
from inventory.config.job_ids import MAX_LENGTH, why_no_id
from inventory.config.settings import DEFAULT_DATABASE, MIB, Settings, Source
from inventory.config.values import (
    DURATION,
    DURATION_PATTERN,
    LONGEST_DURATION,
    NAME_RULE,
    SOURCE_NAME,
    nearest,
    seconds_of,
)
from inventory.proof.signature import SigningKey

__all__ = [
    "Auth", "Configuration", "Filter", "JobsFile", "SourceDefaults", "SourceKeys", "columns",
    "fields", "secret_keys",
]  # fmt: skip


def _why_no_ping(url: str) -> str | None:
    return check_address(url.partition("?")[0], plain_http=True)  # unlike the service's addresses it may have a query


def _why_no_signing_key(pem: str) -> str | None:
    try:
        SigningKey(pem)
    except InventoryError as error:
        return str(error)
    return None


def columns(*, masked: bool) -> list[str]:
    """Return the columns that `redact` can mask (masked), or that `diff` can ignore."""
    from inventory.schema import BY_NAME

    return [
        f"{entity.name}.{field.name}" for entity in BY_NAME.values() for field in entity.fields
        if (entity.name, field.name) != ("jobs", "id") and (field.api.path is not None or not masked)
    ]  # fmt: skip


def _why_not_ignored(name: str) -> str | None:
    known = columns(masked=False)
    if name == "jobs.id":
        return "the id of a job cannot be ignored"
    return None if name in known else f"no such column{nearest(name, known)}"


def _why_not_masked(name: str) -> str | None:
    if name in columns(masked=True):
        return None
    wrong = "this column is not the service's text and cannot be masked"
    return wrong if name in (*columns(masked=False), "jobs.id") else _why_not_ignored(name)


def _why_no_job_id(text: str) -> str | None:
    why = why_no_id(text)
    return f"not a job id: {why}" if why else None


def _about(description: str, unit: str = "") -> Meta:
    return Meta(description=description, extra_json_schema={"x-unit": unit} if unit else None)


def _form(pattern: str, wrong: str, **schema: Any) -> Meta:
    return Meta(pattern=f"^{pattern}$", extra={"wrong": wrong}, extra_json_schema=schema or None)


def _checked(check: Any, **extra: Any) -> Meta:
    return Meta(min_length=1, extra={"check": check, **extra})


def _listed(items: str, *, least: int = 0) -> Meta:
    return Meta(min_length=least, extra={"items": items})


# fmt: off
Text = Annotated[str, Meta(min_length=1)]
Words = Text | UnsetType
Header = Annotated[str, _form("[ -~]+", "contains a character that is not allowed in a header")] | UnsetType
_SECRET = Meta(extra={"secret": True}, extra_json_schema={"writeOnly": True})
Name = Annotated[str, _form(SOURCE_NAME.pattern[:-2], f"not a valid source name: use {NAME_RULE}")]
_REGION = _form("[a-z0-9][a-z0-9-]{0,63}", "not a region such as cn-north-4", examples=list(REGIONS))
Region = Annotated[str, _REGION] | UnsetType
ProjectId = Annotated[str, _form("[A-Za-z0-9_-]{1,64}", "not a project id: letters, digits, 1 to 64")] | UnsetType
_PROJECT_NAME = _form(r"[^\x00-\x1f\x7f-\x9f]{1,128}", "not a project name, 1 to 128 characters")
ProjectName = Annotated[str, _PROJECT_NAME] | UnsetType
Address = Annotated[Text, Meta(extra_json_schema={"pattern": "^https?://[^/@?#]+(/[^?#]*)?$"})] | UnsetType
Ping = Annotated[str, _checked(_why_no_ping), _SECRET, Meta(extra_json_schema={"pattern": "^https?://"})] | UnsetType
SigningKeyText = Annotated[str, _checked(_why_no_signing_key), _SECRET] | UnsetType
JobId = Annotated[str, _checked(_why_no_job_id), Meta(max_length=MAX_LENGTH)]
_DURATION = Meta(ge=1, le=LONGEST_DURATION, extra={"read": seconds_of, "wrong": DURATION})
Duration = Annotated[float, _DURATION, Meta(extra_json_schema={"pattern": f"^{DURATION_PATTERN}$"})]
Scenarios = Annotated[list[Literal["migration", "sync", "cloudDataGuard"]], _listed("scenarios", least=1)] | UnsetType
Statuses = Text | Annotated[list[Text], _listed("status", least=1)] | UnsetType
EngineTypes = Text | Annotated[list[Text], _listed("engine types", least=1)] | UnsetType
Folders = Text | Annotated[list[Text], _listed("folders", least=1)] | UnsetType
JobIds = Annotated[list[JobId], _listed("job ids")]
Masked = Annotated[list[Annotated[str, _checked(_why_not_masked)]], _listed("table.column")]
Ignored = Annotated[list[Annotated[str, _checked(_why_not_ignored)]], _listed("table.column")]
RuleIds = Annotated[list[Text], _listed("rule ids")]
Kept = Annotated[int, Meta(ge=0, le=10_000)] | UnsetType


class _Keys(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of known keys alone."""


class Auth(_Keys, frozen=True):
    """How a source signs in: with a token, with an access key, or as a user with a password."""

    token: Annotated[Header, _SECRET, _about("A token of IAM; it cannot be renewed.")] = UNSET
    access_key: Annotated[Header, _about("An access key (AK), with `secret_key`.")] = UNSET
    secret_key: Annotated[Header, _SECRET, _about("The secret key (SK).")] = UNSET
    security_token: Annotated[Header, _SECRET, _about("Of a temporary access key.")] = UNSET
    username: Annotated[Words, _about("An IAM user, with `password` and `domain` or `domain_id`.")] = UNSET
    user_id: Annotated[Words, _about("An IAM user by id, with `password` alone.")] = UNSET
    password: Annotated[Words, _SECRET, _about("The user's password.")] = UNSET
    domain: Annotated[Words, _about("The account that the user belongs to, by name.")] = UNSET
    domain_id: Annotated[Words, _about("The account that the user belongs to, by id.")] = UNSET


class JobsFile(_Keys, frozen=True):
    """A file with job ids."""

    file: Annotated[Text, _about('Path of a file with one job id a line; "-": standard input.')]
    allow_empty: Annotated[bool, _about("A list without ids is allowed; all known jobs leave then.")] = False


Jobs = Literal["all"] | list[JobId] | JobsFile | UnsetType
_JOBS = Meta(extra={"wrong": "all, a list of job ids, or {file: ids.txt} is needed"})
Tags = Annotated[dict[str, str], Meta(extra={"wrong": "tags are needed as key: value"})]


class Filter(_Keys, frozen=True):
    """Which of the jobs that the list names are wanted. A job that is known already is always asked for."""

    status: Annotated[Statuses, _about("Statuses as the list has them.")] = UNSET
    engine_type: Annotated[EngineTypes, _about("Such as `mysql`.")] = UNSET
    name: Annotated[Words, _about("A shell pattern for the job's name, such as `prod-*`.")] = UNSET
    tags: Annotated[Tags, _about("Tags that the job has.")] = {}
    enterprise_project_id: Annotated[Words, _about("Asked of the service.")] = UNSET


class SourceDefaults(_Keys, frozen=True):
    """Every key of a source but its name; under `defaults` for all sources."""

    region: Annotated[Region, _about("The region; both endpoints follow from it.")] = UNSET
    project_id: Annotated[ProjectId, _about("The project; default: looked up by its name.")] = UNSET
    project_name: Annotated[ProjectName, _about("Such as `cn-north-4_team`; default: the main project.")] = UNSET
    endpoint: Annotated[Address, _about("Address of DRS; default: by region.")] = UNSET
    iam_endpoint: Annotated[Address, _about("Address of IAM; default: by region.")] = UNSET
    auth: Annotated[Auth | UnsetType, _about("How it signs in; default: by variables or the SDK's file.")] = UNSET
    jobs: Annotated[Jobs, _JOBS, _about("`all` that the list API names, a list of ids, or a file of ids.")] = UNSET
    scenarios: Annotated[Scenarios, _about("Of which kinds of job the list is read; default: all.")] = UNSET
    children: Annotated[bool, _about("Sub-tasks are read as jobs of their own.")] = Source.children
    filter: Annotated[Filter | UnsetType, _about("Which of the listed jobs are wanted.")] = UNSET
    excluded: Annotated[JobIds, _about("Ids never asked for.")] = msgspec.field(name="except", default_factory=list)
    replay: Annotated[Folders, _about("Folders with recordings, in this order, instead of the network.")] = UNSET
    concurrency: Annotated[
        int, Meta(ge=1, le=64), _about("Requests under way at once.", "requests")
    ] = Source.concurrency
    requests_per_second: Annotated[
        float, Meta(ge=0.01, le=10_000), _about("The highest rate; a 429 lowers it for a while.", "requests a second")
    ] = Source.requests_per_second
    timeout: Annotated[
        float, Meta(ge=0.1, le=3600), _about("The most between two signs of life.", "seconds")
    ] = Source.timeout
    retry_seconds: Annotated[
        float, Meta(ge=0, le=86_400), _about("How long a transient failure is retried.", "seconds")
    ] = Source.retry_seconds
    page_size: Annotated[int, Meta(ge=0, le=100), _about("`page_req.per_page` of details.", "jobs")] = Source.page_size
    deadline: Annotated[
        Duration, _about("How long one source is read; what is left then is not requested.", "seconds")
    ] = Source.deadline
    max_body_mib: Annotated[
        int, Meta(ge=1, le=100_000), _about("The largest answer.", "MiB")
    ] = Source.max_body // MIB
    plain_http: Annotated[bool, _about("Allow http to other machines: tokens are sent in clear.")] = Source.plain_http
    language: Annotated[Literal["en-us", "zh-cn"], _about("Language of the service's messages.")] = "en-us"


class SourceKeys(SourceDefaults, frozen=True, kw_only=True):
    """One project in one region, live or recorded."""

    name: Annotated[Name, _about("What every table calls this source.")]


class Diff(_Keys, frozen=True):
    """What `diff` shows."""

    ignore: Annotated[Ignored, _about("Columns whose changes are only counted.")] = []


class Retention(_Keys, frozen=True):
    """What `prune` keeps without flags: the last snapshot of each of so many periods."""

    keep_daily: Annotated[Kept, _about("Days.", "days")] = UNSET
    keep_weekly: Annotated[Kept, _about("ISO weeks.", "weeks")] = UNSET
    keep_monthly: Annotated[Kept, _about("Months.", "months")] = UNSET


class Signing(_Keys, frozen=True):
    """The key that signs snapshots."""

    key: Annotated[SigningKeyText, _about("An Ed25519 private key in PEM.")] = UNSET


class Report(_Keys, frozen=True):
    """What reports and the view `tasks` need to know of the estate."""

    owner_tag: Annotated[Text, _about("Key of the tag that names a task's owner.")] = Settings.owner_tag


class Check(_Keys, frozen=True):
    """What `check` judges, and when."""

    after_export: Annotated[bool, _about("`export` checks its sources at its end.")] = Settings.check_after_export
    rules: Annotated[Folders, _about("Folders with rules of your own, one SQL file each.")] = UNSET
    skip: Annotated[RuleIds, _about("Ids of rules that are left out, such as `DRS-006`.")] = []
    fail_on: Annotated[
        Literal["new", "open", "overdue", "none"], _about("After an export, what ends it with exit code 2.")
    ] = "none"
    severity: Annotated[
        Literal["low", "medium", "high", "critical"], _about("After an export, the least severity for that.")
    ] = "low"


class Pings(_Keys, frozen=True):
    """Addresses of a dead man's switch."""

    start: Annotated[Ping, _about("Asked when a run starts.")] = UNSET
    success: Annotated[Ping, _about("Asked at the end, for exit code 0.")] = UNSET
    failure: Annotated[Ping, _about("Asked at the end, for any other exit code.")] = UNSET


class Configuration(_Keys, frozen=True):
    """The configuration of inventory."""

    sources: Annotated[list[SourceKeys], Meta(min_length=1), _about("What is exported.")]
    defaults: Annotated[SourceDefaults | UnsetType, _about("Any key of a source but `name`, for every source.")] = UNSET
    database: Annotated[Text, _about("URL; an SQLite file is relative to this file's folder.")] = DEFAULT_DATABASE
    parallel: Annotated[int, Meta(ge=1, le=64), _about("Sources read at once.", "sources")] = Settings.parallel
    workers: Annotated[
        int, Meta(ge=0, le=16), _about("Processes that prepare answers.", "processes")
    ] = Settings.workers
    deadline: Annotated[
        Duration, _about("How long a run reads; sources that did not begin by then are left out.", "seconds")
    ] = Settings.deadline
    sqlite_lock_timeout: Annotated[
        Duration, _about("How long who writes waits for others that read or write the SQLite file.", "seconds")
    ] = Settings.sqlite_lock_timeout
    secrets: Annotated[
        Literal["mask", "fingerprint"], _about("Secrets become `***`, or an HMAC under `INVENTORY_FINGERPRINT_KEY`.")
    ] = "mask"
    redact: Annotated[Masked, _about("More columns to mask like secrets.")] = []
    diff: Annotated[Diff, _about("What `diff` shows.")] = Diff()
    reports: Annotated[Folders, _about("Folders with reports of your own, for `query`.")] = UNSET
    retention: Annotated[Retention, _about("What `prune` keeps without flags.")] = Retention()
    signing: Annotated[Signing, _about("The key that signs snapshots.")] = Signing()
    report: Annotated[Report, _about("What reports and the view `tasks` need to know.")] = Report()
    check: Annotated[Check, _about("What `check` judges, and when.")] = Check()
    ping: Annotated[Pings, _about("Addresses of a dead man's switch.")] = Pings()
# fmt: on


@cache
def fields(struct: type[Struct]) -> dict[str, types.Field]:
    """Return the declared keys of a struct by their names in the file; required ones first."""
    declared = types.type_info(struct).fields  # type: ignore[attr-defined]
    return {each.encode_name: each for each in sorted(declared, key=lambda each: not each.required)}


@cache
def secret_keys() -> frozenset[str]:
    """Return the keys whose values are secret, such as `sources.auth.token`: without item numbers."""
    return frozenset(_secrets(types.type_info(Configuration), ""))


def _secrets(kind: types.Type, key: str) -> Iterator[str]:
    if isinstance(kind, types.Metadata):
        if (kind.extra or {}).get("secret"):
            yield key
        yield from _secrets(kind.type, key)
    elif isinstance(kind, types.StructType):
        for each in kind.fields:
            yield from _secrets(each.type, f"{key}.{each.encode_name}".lstrip("."))
    elif isinstance(kind, types.ListType):
        yield from _secrets(kind.item_type, key)
