"""What a source signs in with: a token, an access key, or a user and password. No file, no network here."""

from dataclasses import dataclass, field

__all__ = ["Credentials", "Keys", "Password", "Token"]


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
