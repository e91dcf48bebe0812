"""What a source signs in with: a token, an access key, or a user and password; and where a machine keeps one.

No network here. Where the configuration names no credential, those that Terraform's provider and the
vendor's SDKs read are found (API facts, 3.4).
"""

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


# What each family calls the members; of several names the first that is set counts.
_FAMILIES = (
    {
        "token": "HW_AUTH_TOKEN",
        "access_key": "HW_ACCESS_KEY",
        "secret_key": "HW_SECRET_KEY",
        "security_token": "HW_SECURITY_TOKEN",
        "username": "HW_USER_NAME",
        "password": "HW_USER_PASSWORD",
        "domain": "HW_DOMAIN_NAME",
        "project_id": "HW_PROJECT_ID",
        "iam_endpoint": "HW_AUTH_URL",
    },
    {
        "access_key": "HUAWEICLOUD_SDK_AK",
        "secret_key": "HUAWEICLOUD_SDK_SK",
        "security_token": "HUAWEICLOUD_SDK_SECURITY_TOKEN",
        "project_id": "HUAWEICLOUD_SDK_PROJECT_ID",
        "iam_endpoint": "HUAWEICLOUD_SDK_IAM_ENDPOINT",
    },
    {
        "token": "OS_AUTH_TOKEN",
        "access_key": "OS_ACCESS_KEY",
        "secret_key": "OS_SECRET_KEY",
        "username": "OS_USERNAME",
        "password": "OS_PASSWORD",
        "domain": "OS_DOMAIN_NAME OS_USER_DOMAIN_NAME OS_PROJECT_DOMAIN_NAME",
        "project_id": "OS_PROJECT_ID OS_TENANT_ID",
        "iam_endpoint": "OS_AUTH_URL",
    },
)
_FILE = {
    "access_key": "ak",
    "secret_key": "sk",
    "security_token": "security_token",
    "project_id": "project_id",
    "iam_endpoint": "iam_endpoint",
}
_REGIONS = ("HW_REGION_NAME", "OS_REGION_NAME")
# What each kind needs, as Terraform prefers them; a domain alone, the last, is no beginning of a set.
_KINDS: tuple[tuple[type[Credentials], tuple[str, ...]], ...] = (
    (Token, ("token",)),
    (Keys, ("access_key", "secret_key")),
    (Password, ("username", "password", "domain")),
)
_IN_HEADERS = ("token", "access_key", "secret_key", "security_token")  # the secret key is as plain as they are


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
    region = next((environment[name] for name in _REGIONS if environment.get(name)), None)
    halves: list[str] = []
    for names in _FAMILIES:
        found = _search(environment, names, "", region, halves)
        if found:
            return found
    file, values = _file(environment, home)
    found = _search(values, _FILE, file, region, halves)
    if found is None and halves:
        raise CredentialsError(halves[0])
    return found


def _search(
    values: Mapping[str, str], names: Mapping[str, str], file: str, region: str | None, halves: list[str]
) -> Found | None:
    """Look through one family, or the file. `halves` takes what is begun and not complete."""
    where = f" in {file}" if file else ""
    given = {member: name for member, known in names.items() for name in reversed(known.split()) if values.get(name)}
    for kind, needed in _KINDS:
        begun = [given[member] for member in needed[:2] if member in given]
        missing = [names[member].split()[0] for member in needed if member in names and member not in given]
        if begun and missing:
            halves.append(f"{begun[0]} is set{where}, but {' and '.join(missing)} is not")
        if not begun or missing:
            continue
        members = {member: values[given[member]] for member in needed}
        if kind is Keys and "security_token" in given:
            members["security_token"] = values[given["security_token"]]
        for member, value in members.items():
            if member in _IN_HEADERS and unsendable(value):
                what = f"{given[member]}{where}"
                raise CredentialsError(f"{what} holds a space, a line break or a letter that no header can carry")
        beside = {member: values[given[member]] for member in ("project_id", "iam_endpoint") if member in given}
        return Found(
            kind(**members, origin=file or given[needed[0]]),
            region,
            beside.get("project_id"),
            beside["iam_endpoint"].rstrip("/").removesuffix("/v3").rstrip("/") if "iam_endpoint" in beside else None,
        )
    return None


def _file(environment: Mapping[str, str], home: Path) -> tuple[str, Mapping[str, str]]:
    """Return the name and the [basic] section of the SDK's file; no values where there is none."""
    import configparser

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
