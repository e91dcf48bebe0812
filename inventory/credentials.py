"""What a source signs in with: a token, an access key, or a user and password; and where a machine keeps one.

No network here. Where the configuration names no credential, those that Terraform's provider and the
vendor's SDKs read are found (API facts, 3.4).
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "Credentials",
    "CredentialsError",
    "Found",
    "Keys",
    "Password",
    "Token",
    "find_credentials",
    "unsendable",
]

_SENDABLE = re.compile(r"[!-~]*\Z")


class CredentialsError(ValueError):
    """Credentials that were found cannot be used; the text names the variable, never a value."""


@dataclass(frozen=True)
class Token:
    """An X-Auth-Token that somebody got from IAM; when it has expired, only they can renew it."""

    token: str = field(repr=False)
    origin: str = field(default="the configuration", compare=False)  # where it was found, for people

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)


@dataclass(frozen=True)
class Keys:
    """An access key; with `security_token` a temporary one."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    origin: str = field(default="the configuration", compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.secret_key, self.security_token) if secret)


@dataclass(frozen=True)
class Password:
    """An IAM user, who exchanges a password for tokens. `domain`: the account that the user belongs to."""

    username: str
    password: str = field(repr=False)
    domain: str
    origin: str = field(default="the configuration", compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.password,)


Credentials = Token | Keys | Password


@dataclass(frozen=True)
class Found:
    """Credentials that the machine keeps, and what stands beside them."""

    credentials: Credentials
    region: str | None
    project_id: str | None
    iam_endpoint: str | None


@dataclass(frozen=True)
class _Names:
    """What one family calls its variables; of several names the first that is set counts."""

    token: tuple[str, ...] = ()
    access_key: tuple[str, ...] = ()
    secret_key: tuple[str, ...] = ()
    security_token: tuple[str, ...] = ()
    username: tuple[str, ...] = ()
    password: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    project_id: tuple[str, ...] = ()
    iam_endpoint: tuple[str, ...] = ()


_FAMILIES = (
    _Names(
        token=("HW_AUTH_TOKEN",),
        access_key=("HW_ACCESS_KEY",),
        secret_key=("HW_SECRET_KEY",),
        security_token=("HW_SECURITY_TOKEN",),
        username=("HW_USER_NAME",),
        password=("HW_USER_PASSWORD",),
        domain=("HW_DOMAIN_NAME",),
        project_id=("HW_PROJECT_ID",),
        iam_endpoint=("HW_AUTH_URL",),
    ),
    _Names(
        access_key=("HUAWEICLOUD_SDK_AK",),
        secret_key=("HUAWEICLOUD_SDK_SK",),
        security_token=("HUAWEICLOUD_SDK_SECURITY_TOKEN",),
        project_id=("HUAWEICLOUD_SDK_PROJECT_ID",),
        iam_endpoint=("HUAWEICLOUD_SDK_IAM_ENDPOINT",),
    ),
    _Names(
        token=("OS_AUTH_TOKEN",),
        access_key=("OS_ACCESS_KEY",),
        secret_key=("OS_SECRET_KEY",),
        username=("OS_USERNAME",),
        password=("OS_PASSWORD",),
        domain=("OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"),
        project_id=("OS_PROJECT_ID", "OS_TENANT_ID"),
        iam_endpoint=("OS_AUTH_URL",),
    ),
)
_FILE = _Names(
    access_key=("ak",),
    secret_key=("sk",),
    security_token=("security_token",),
    project_id=("project_id",),
    iam_endpoint=("iam_endpoint",),
)
_REGION = ("HW_REGION_NAME", "OS_REGION_NAME")


def unsendable(value: str) -> bool:
    """Tell whether a value holds what no header can carry: a line break, a space, a letter beyond ASCII."""
    return not _SENDABLE.match(value)


def find_credentials(environment: Mapping[str, str], home: Path) -> Found | None:
    """Return the first complete credentials: HW_*, HUAWEICLOUD_SDK_*, OS_*, then the SDK's file.

    Within a family a token comes before an access key, and that before a password, as in Terraform.
    Families are not mixed, but for the region, which is no credential.

    Raises:
        CredentialsError: half of a set, and nothing complete; or a value that cannot be sent.
    """
    region = _first(environment, _REGION)
    halves: list[str] = []
    for names in _FAMILIES:
        found = _Search(environment, names, "", halves).found(region)
        if found:
            return found
    file, values = _file(environment, home)
    found = _Search(values, _FILE, file, halves).found(region)
    if found is None and halves:
        raise CredentialsError(halves[0])
    return found


class _Search:
    """One family, or the file. `file`: its name, '' for the environment. `halves` takes what is incomplete."""

    def __init__(self, values: Mapping[str, str], names: _Names, file: str, halves: list[str]) -> None:
        self._values = values
        self._names = names
        self._file = file
        self._halves = halves

    def found(self, region: str | None) -> Found | None:
        credentials = self._token() or self._keys() or self._password()
        if credentials is None:
            return None
        address = _first(self._values, self._names.iam_endpoint)
        return Found(
            credentials,
            region,
            _first(self._values, self._names.project_id),
            address.rstrip("/").removesuffix("/v3").rstrip("/") if address else None,
        )

    def _token(self) -> Token | None:
        token = self._sendable(self._names.token)
        return Token(token, origin=self._origin(self._names.token)) if token else None

    def _keys(self) -> Keys | None:
        names = self._names
        if not self._whole((names.access_key, names.secret_key), names.access_key):
            return None
        access, secret = self._sendable(names.access_key), self._sendable(names.secret_key)
        token = self._sendable(names.security_token)
        return Keys(access or "", secret or "", token, origin=self._origin(names.access_key))

    def _password(self) -> Password | None:
        names = self._names
        if not self._whole((names.username, names.password, names.domain), names.username):
            return None
        username, password, domain = (
            _first(self._values, each) or "" for each in (names.username, names.password, names.domain)
        )
        return Password(username, password, domain, origin=self._origin(names.username))

    def _whole(self, parts: tuple[tuple[str, ...], ...], own: tuple[str, ...]) -> bool:
        """Tell whether all parts are set; of a beginning say what is missing. A domain alone begins nothing."""
        missing = [names[0] for names in parts if not _first(self._values, names)]
        begun = [name for names in parts[:2] for name in names if self._values.get(name)]
        if own and begun and missing:
            where = f" in {self._file}" if self._file else ""
            self._halves.append(f"{begun[0]} is set{where}, but {' and '.join(missing)} is not")
        return bool(own) and not missing

    def _sendable(self, names: tuple[str, ...]) -> str | None:
        value = _first(self._values, names)
        if value and unsendable(value):
            name = next(each for each in names if self._values.get(each))
            where = f" in {self._file}" if self._file else ""
            raise CredentialsError(f"{name}{where} holds a space, a line break or a letter that no header can carry")
        return value

    def _origin(self, names: tuple[str, ...]) -> str:
        return self._file or next(name for name in names if self._values.get(name))


def _first(values: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((values[name] for name in names if values.get(name)), None)


def _file(environment: Mapping[str, str], home: Path) -> tuple[str, Mapping[str, str]]:
    """Return the name and the [basic] section of the SDK's file; no values where there is none."""
    named = environment.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE")
    shown = named or "~/.huaweicloud/credentials"
    path = Path(named) if named else home / ".huaweicloud" / "credentials"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        if not named and isinstance(error, FileNotFoundError):
            return shown, {}
        raise CredentialsError(f"{shown} cannot be read: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError):  # its text would quote the file
        raise CredentialsError(f"{shown} cannot be read: it is no INI file") from None
    return shown, dict(parser["basic"]) if parser.has_section("basic") else {}
