"""Environment variables of Terraform's provider and of the vendor's SDK, and their meaning here (API facts, 3.4).

A variable gives credentials (as a member of a family) or addresses. Or it is unsupported: then it is refused if
ignoring it would export another account or project, otherwise there is a warning. Variables in no table here have no
effect on an export (HW_MAX_RETRIES, HW_ENABLE_FORCE_NEW, SKIP_CHECK_*, HW_TF_CUSTOM_UA, HUAWEICLOUD_SDK_DOMAIN_ID).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "FAMILIES",
    "FILE",
    "NOT_READ",
    "PROJECTS",
    "REGION_NAMES",
    "UNSUPPORTED",
    "Unsupported",
    "cloud_domain",
    "drs_variable",
    "not_read",
    "refused",
    "refused_last",
    "regions_file",
]

REGION_NAMES = ("HW_REGION_NAME", "OS_REGION_NAME")
# The variables of each family; if a member has several names, the first that is set counts.
FAMILIES: tuple[Mapping[str, str], ...] = (
    {
        "token": "HW_AUTH_TOKEN",
        "access_key": "HW_ACCESS_KEY",
        "secret_key": "HW_SECRET_KEY",
        "security_token": "HW_SECURITY_TOKEN",
        "username": "HW_USER_NAME",
        "user_id": "HW_USER_ID",
        "password": "HW_USER_PASSWORD",
        "domain": "HW_DOMAIN_NAME",
        "domain_id": "HW_DOMAIN_ID",
        "project_id": "HW_PROJECT_ID",
        "project_name": "HW_PROJECT_NAME",
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
        "user_id": "OS_USER_ID",
        "password": "OS_PASSWORD",
        "domain": "OS_DOMAIN_NAME OS_USER_DOMAIN_NAME OS_PROJECT_DOMAIN_NAME",
        "domain_id": "OS_DOMAIN_ID OS_USER_DOMAIN_ID OS_PROJECT_DOMAIN_ID",
        "project_id": "OS_PROJECT_ID OS_TENANT_ID",
        "project_name": "OS_PROJECT_NAME OS_TENANT_NAME",
        "iam_endpoint": "OS_AUTH_URL",
    },
)
# The members of the SDK's file, section [basic].
FILE: Mapping[str, str] = {
    "access_key": "ak",
    "secret_key": "sk",
    "security_token": "security_token",
    "project_id": "project_id",
    "iam_endpoint": "iam_endpoint",
}
# All variables for a project, by precedence: an id before a name.
PROJECTS = tuple(
    name for family in FAMILIES for member in ("project_id", "project_name") for name in family.get(member, "").split()
)


@dataclass(frozen=True)
class Unsupported:
    """Variables that have an effect only together. except_for: a harmless value of the first one."""

    names: tuple[str, ...]
    why: str
    except_for: str = ""

    def warning(self, environment: Mapping[str, str]) -> str:
        """Return a message if they are set, else ''."""
        values = [environment.get(name) for name in self.names]
        if not all(values) or values[0] == self.except_for:
            return ""
        return f"{' and '.join(self.names)} {'is' if len(self.names) == 1 else 'are'} set, but {self.why}"


_ROLE = "no role or agency is assumed here: use an access key of that account, or temporary keys of the role"
_OIDC = "tokens of an identity provider are not exchanged here: use an access key, or temporary keys"
_PROFILE = "the file of KooCLI is not read here: set HW_ACCESS_KEY and HW_SECRET_KEY"
_TERRAFORM = (
    Unsupported(("HW_ASSUME_ROLE_AGENCY_NAME",), _ROLE),
    Unsupported(("HW_ASSUME_ROLE_IDP_ID",), _OIDC),
    Unsupported(("OS_AGENCY_NAME", "OS_AGENCY_DOMAIN_NAME"), _ROLE),
    Unsupported(("HW_PROFILE",), _PROFILE),
    Unsupported(("HW_SHARED_CONFIG_FILE",), _PROFILE),
    Unsupported(("HW_SIGNING_ALGORITHM",), "requests are signed with SDK-HMAC-SHA256 alone", "SDK-HMAC-SHA256"),
)
_SDK = (
    Unsupported(("HUAWEICLOUD_OIDC_PROVIDER_URN", "HUAWEICLOUD_OIDC_AGENCY_URN"), _OIDC),
    Unsupported(("HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE"), _OIDC),
)
_SDK_FILE = (Unsupported(("idp_id", "id_token_file"), _OIDC),)
_UNSUPPORTED_LAST = (
    Unsupported(("HC_CONTAINER_CREDENTIALS_FULL_URI", "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"), _OIDC),
)  # fmt: skip
UNSUPPORTED = (*_TERRAFORM, *_SDK, *_UNSUPPORTED_LAST)
# Refused before each family is searched: Terraform's variables also affect its other families.
_REFUSED = (_TERRAFORM, _SDK, ())

_CERTIFICATES = "certificates are always checked; name those of your own authority in SSL_CERT_FILE"
NOT_READ = (
    Unsupported(("OS_CACERT",), "it is not read; name the file in SSL_CERT_FILE"),
    Unsupported(("OS_CERT", "OS_KEY"), "certificates of clients are not supported"),
    Unsupported(
        ("HW_ENTERPRISE_PROJECT_ID",),
        "it is not read: jobs of every enterprise project are exported; filter: {enterprise_project_id: …} chooses",
    ),
)
_TRUE = ("1", "t", "true")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z", re.IGNORECASE)


def refused(family: int, environment: Mapping[str, str]) -> str:
    """Return why a family's credentials cannot be used, or ''. family: an index; the file's is the last."""
    table = _REFUSED[family] if family < len(_REFUSED) else _SDK_FILE
    return next((found for each in table if (found := each.warning(environment))), "")


def refused_last(environment: Mapping[str, str]) -> str:
    """Return a message if only an unsupported way to sign in is configured, else ''."""
    return next((found for each in _UNSUPPORTED_LAST if (found := each.warning(environment))), "")


def not_read(environment: Mapping[str, str], *, other_login: bool) -> Iterator[str]:
    """Yield a warning for each variable that is set and not read.

    Args:
        other_login: the credentials do not come from the environment, so refused variables give warnings only.
    """
    for name in ("HW_INSECURE", "OS_INSECURE"):
        if environment.get(name, "").lower() in _TRUE:
            yield f"{name} is set, but {_CERTIFICATES}"
    for each in (*NOT_READ, *((*_TERRAFORM, *_SDK) if other_login else ())):
        if found := each.warning(environment):
            yield found


def cloud_domain(environment: Mapping[str, str]) -> str | None:
    """Return the domain of the cloud's addresses, from HW_CLOUD; None for the vendor's domain.

    Raises:
        ValueError: it is not a domain.
    """
    domain = environment.get("HW_CLOUD")
    if domain and not _HOST.match(domain):
        raise ValueError("HW_CLOUD is not a domain such as myhuaweicloud.com")
    return domain or None


def drs_variable(region: str) -> str:
    """Return the variable with the address of DRS in a region (several are separated by commas)."""
    return f"HUAWEICLOUD_SDK_REGION_DRS_{region.replace('-', '_').upper()}"


def regions_file(environment: Mapping[str, str], home: Path | None) -> str:
    """Return a warning if the SDK's file of regions exists, which is not read, else ''."""
    named = environment.get("HUAWEICLOUD_SDK_REGIONS_FILE")
    if named:
        return "HUAWEICLOUD_SDK_REGIONS_FILE is set, but the file is not read: give endpoint"
    if home is not None and (home / ".huaweicloud" / "regions.yaml").is_file():
        return "~/.huaweicloud/regions.yaml is not read: give endpoint if it names another one"
    return ""
