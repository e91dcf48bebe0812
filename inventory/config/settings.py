"""The settings that result from the configuration: frozen, independent of file and environment."""

import hashlib
from dataclasses import dataclass, field, fields
from pathlib import Path

from inventory.config.credentials import Credentials

__all__ = ["DEFAULT_DATABASE", "MIB", "RECORDING_END", "RECORDING_HEAD", "SCENARIOS", "Filters", "Settings", "Source"]

DEFAULT_DATABASE = "sqlite:///inventory.db"
MIB = 1024 * 1024
RECORDING_HEAD, RECORDING_END = "recording.json", "end.json"  # the first and last file that `--record` writes
SCENARIOS = ("migration", "sync", "cloudDataGuard")  # the values of db_use_type, which the list API requires


@dataclass(frozen=True)
class Filters:
    """Which of the listed jobs are exported; None: no restriction."""

    status: frozenset[str] | None = None
    engine_type: frozenset[str] | None = None
    name: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    enterprise_project_id: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True)
class Source:
    """One project in one region, live or recorded; `keys` describes each key.

    project_id: None if it is looked up by project_name, or without one by the region's name. jobs: ids to request,
    sorted, without `excluded`; None: all that the list API names. deadline: seconds. max_body: bytes.
    """

    name: str
    region: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    endpoint: str | None = None
    iam_endpoint: str | None = None
    credentials: Credentials | None = None
    jobs: tuple[str, ...] | None = ()
    scenarios: tuple[str, ...] = SCENARIOS
    children: bool = False
    filters: Filters = Filters()
    excluded: frozenset[str] = frozenset()
    replay: tuple[Path, ...] = ()
    concurrency: int = 8
    requests_per_second: float = 20
    timeout: float = 30
    retry_seconds: float = 120
    deadline: float = 3600
    max_body: int = 256 * MIB
    plain_http: bool = False
    page_size: int = 10
    language: str = "en-us"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must not be shown."""
        return self.credentials.secrets if self.credentials else ()


@dataclass(frozen=True)
class Settings:
    """All settings. Without a file: the defaults, and no source.

    deadline, sqlite_lock_timeout: seconds. signs: whether a key is configured. signing_key: the private key in PEM,
    for an export only. ping_start, ping_success, ping_failure: secret, because anyone who knows one can send false
    signals. warnings: what is allowed but probably a mistake, for messages. unchecked: what `validate --no-env` did
    not check.
    """

    file: Path | None = None
    database: str = field(default=DEFAULT_DATABASE, repr=False)
    sources: tuple[Source, ...] = ()
    parallel: int = 4
    workers: int = 2
    deadline: float = 6 * 3600
    sqlite_lock_timeout: float = 1800
    fingerprint_key: str | None = field(default=None, repr=False)
    redact: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    reports: tuple[Path, ...] = ()
    retention: dict[str, int] = field(default_factory=dict)
    signs: bool = False
    signing_key: str | None = field(default=None, repr=False)
    owner_tag: str = "owner"
    check_after_export: bool = False
    check_rules: tuple[Path, ...] = ()
    check_skip: tuple[str, ...] = ()
    check_fail_on: str = "none"
    check_severity: str = "low"
    ping_start: str | None = field(default=None, repr=False)
    ping_success: str | None = field(default=None, repr=False)
    ping_failure: str | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def salt(self) -> bytes:
        """A secret derived from the signing key, so that the owner of the database cannot forge cache entries."""
        return hashlib.sha256(f"served\n{self.signing_key}".encode()).digest() if self.signing_key else b""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must not be shown."""
        pings = (self.ping_start, self.ping_success, self.ping_failure)
        own = (self.fingerprint_key, self.signing_key, *pings)
        return (*(each for each in own if each), *(each for source in self.sources for each in source.secrets))
