"""Credentials: a token, an access key, or a user and password; and where to find them on a machine.

Uses no network. If the configuration has no credentials, those of Terraform's provider and the vendor's SDKs are
searched (API facts, 3.4).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inventory.common.permissions import readable_by_others
from inventory.config.variables import FAMILIES, FILE, PROJECTS, REGION_NAMES, refused, refused_last

__all__ = [
    "WAYS",
    "Credentials",
    "CredentialsError",
    "Found",
    "Keys",
    "Password",
    "Token",
    "find_credentials",
    "home_folder",
    "unsendable",
]

_SENDABLE = re.compile(r"[!-~]*\Z")


class CredentialsError(ValueError):
    """The credentials that were found cannot be used; the text has the variable's name, never a value."""


@dataclass(frozen=True)
class Token:
    """An X-Auth-Token from IAM; it cannot be renewed here."""

    token: str = field(repr=False)
    origin: str = field(default="the configuration", compare=False)  # where it was found, for messages

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)


@dataclass(frozen=True)
class Keys:
    """An access key; with `security_token`, a temporary one."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    origin: str = field(default="the configuration", compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.secret_key, self.security_token) if secret)


@dataclass(frozen=True)
class Password:
    """An IAM user and password, to get tokens with.

    username, with domain or domain_id: the account that the user belongs to; or user_id alone.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    domain: str = ""
    user_id: str = ""
    domain_id: str = ""
    origin: str = field(default="the configuration", compare=False)

    @property
    def user(self) -> dict[str, object]:
        """The user in the form of IAM's API."""
        if not self.username:
            return {"id": self.user_id, "password": self.password}
        domain = {"name": self.domain} if self.domain else {"id": self.domain_id}
        return {"name": self.username, "password": self.password, "domain": domain}

    def __str__(self) -> str:
        if not self.username:
            return f"the user with the id {self.user_id!r}"
        return f"{self.username!r} of {self.domain or self.domain_id!r}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.password,)


Credentials = Token | Keys | Password


@dataclass(frozen=True)
class Found:
    """Credentials that were found on the machine, with region, project and address of IAM.

    project_id, project_name: at most one of them. project_origin, iam_origin: the variables that they came from.
    warnings: for the user.
    """

    credentials: Credentials
    region: str | None
    project_id: str | None
    iam_endpoint: str | None
    project_name: str | None = None
    project_origin: str = field(default="", compare=False)
    iam_origin: str = field(default="", compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)


# Kind, required members, optional members, in Terraform's order of preference. If only a domain (the third member) is
# set, the set does not count as incomplete.
_KINDS: tuple[tuple[type[Credentials], tuple[str, ...], tuple[str, ...]], ...] = (
    (Token, ("token",), ()),
    (Keys, ("access_key", "secret_key"), ("security_token",)),
    (Password, ("username", "password", "domain"), ()),
    (Password, ("username", "password", "domain_id"), ()),
    (Password, ("user_id", "password"), ()),
)
WAYS = tuple((kind, frozenset(needed), frozenset(more)) for kind, needed, more in _KINDS)
_IN_HEADERS = ("token", "access_key", "secret_key", "security_token")  # the secret key has the same characters


def unsendable(value: str) -> bool:
    """Return whether a value has a character that a header cannot contain: a line break, a space, not ASCII."""
    return not _SENDABLE.match(value)


def home_folder() -> Path | None:
    """Return the user's home folder; None if HOME is not set and the user id has no name."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def find_credentials(environment: Mapping[str, str], home: Path | None) -> Found | None:
    """Return the first complete credentials: HW_*, HUAWEICLOUD_SDK_*, OS_*, then the SDK's file.

    Within a family a token has precedence over an access key, and that over a password, as in Terraform. Families are
    not mixed, except for the region, and for the project if the family has none.

    Args:
        home: the user's home folder, or None.

    Raises:
        CredentialsError: an incomplete set and no complete one; a value that cannot be sent; or unsupported variables
            that cannot be ignored because another account would be exported.
    """
    incomplete: list[str] = []
    for number, names in enumerate(FAMILIES):
        if why := refused(number, environment):
            raise CredentialsError(f"{why}. Or unset what is not meant for this, or give auth")
        found = _search(environment, names, "", environment, incomplete)
        if found:
            return found
    file, values, warnings = _read_file(environment, home)
    if why := refused(len(FAMILIES), values):
        raise CredentialsError(f"{file}: {why}")
    found = _search(values, FILE, file, environment, incomplete)
    why = incomplete[0] if incomplete else refused_last(environment)
    if found is None and why:
        raise CredentialsError(why)
    return found and replace(found, warnings=warnings)


def _search(
    values: Mapping[str, str],
    names: Mapping[str, str],
    file: str,
    environment: Mapping[str, str],
    incomplete: list[str],
) -> Found | None:
    """Search one family, or the file. Adds a message for each incomplete set to `incomplete`."""
    where = f" in {file}" if file else ""
    given = {member: name for member, known in names.items() for name in reversed(known.split()) if values.get(name)}
    for kind, needed, _ in _KINDS:
        present = [given[member] for member in needed[:2] if member in given]
        missing = [names[member].split()[0] for member in needed if member in names and member not in given]
        if present and missing:
            incomplete.append(f"{present[0]} is set{where}, but {' and '.join(missing)} is not")
        if not present or missing:
            continue
        members = {member: values[given[member]] for member in needed}
        if kind is Keys and "security_token" in given:
            members["security_token"] = values[given["security_token"]]
        for member, value in members.items():
            if member in _IN_HEADERS and unsendable(value):
                what = f"{given[member]}{where}"
                raise CredentialsError(
                    f"{what} contains a space, a line break or another character that is not allowed in a header"
                )
        iam = given.get("iam_endpoint", "")
        return Found(
            kind(**members, origin=file or given[needed[0]]),
            next((environment[name] for name in REGION_NAMES if environment.get(name)), None),
            iam_endpoint=values[iam].rstrip("/").removesuffix("/v3").rstrip("/") if iam else None,
            iam_origin=f"{iam}{where}",
            **_project(values, given, where, environment),
        )
    return None


def _project(
    values: Mapping[str, str], given: Mapping[str, str], where: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the project of the same family, else of any other family: it must not be ignored."""
    for member in ("project_id", "project_name"):
        if member in given:
            return _project_of(member, values[given[member]], f"{given[member]}{where}")
    name = next((name for name in PROJECTS if environment.get(name)), None)
    if name is None:
        return _project_of("project_id", None, "")
    is_id = any(name in family.get("project_id", "").split() for family in FAMILIES)
    return _project_of("project_id" if is_id else "project_name", environment[name], name)


def _project_of(member: str, value: str | None, origin: str) -> dict[str, Any]:
    return {"project_id": None, "project_name": None, "project_origin": origin, member: value}


def _read_file(environment: Mapping[str, str], home: Path | None) -> tuple[str, Mapping[str, str], tuple[str, ...]]:
    """Return the name and the [basic] section of the SDK's file, and warnings; no values if there is no file."""
    import configparser

    named = environment.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE")
    shown = named or "~/.huaweicloud/credentials"
    path = Path(named) if named else home and home / ".huaweicloud" / "credentials"
    if path is None:
        return shown, {}, ()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        if not named and isinstance(error, FileNotFoundError | NotADirectoryError):
            return shown, {}, ()
        raise CredentialsError(f"{shown} cannot be read: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError):  # its text is not used: it quotes the file
        raise CredentialsError(f"{shown} is not an INI file") from None
    warning = f"other users can read {shown}, which holds a secret key: run chmod 600"
    warnings = (warning,) if readable_by_others(path) else ()
    return shown, dict(parser["basic"]) if parser.has_section("basic") else {}, warnings
