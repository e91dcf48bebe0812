"""Each variable of Terraform's provider and of the vendor's SDK, through the configuration: what it means here."""

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkdrs.v3.region.drs_region import DrsRegion

from inventory.common.errors import ConfigError
from inventory.config.credentials import Keys, Password, Token, home_folder
from inventory.config.endpoints import REGIONS, drs_endpoint
from inventory.config.load import load
from inventory.config.settings import Settings
from inventory.config.variables import FAMILIES, PROJECTS
from tests.conftest import ROOT
from tests.test_config_schema import schema_faults

SK = "hush-secret-key"
HW = {"HW_ACCESS_KEY": "ak", "HW_SECRET_KEY": SK}
SDK = {"HUAWEICLOUD_SDK_AK": "ak", "HUAWEICLOUD_SDK_SK": SK}
OS = {"OS_ACCESS_KEY": "ak", "OS_SECRET_KEY": SK}
USER = {"HW_USER_PASSWORD": "pw"}
IAM, DRS = "https://iam.cn-north-4.myhuaweicloud.com", "https://drs.cn-north-4.myhuaweicloud.com"
NORTH = {"name": "north", "region": "cn-north-4", "jobs": "all"}
EAST = {"name": "east", "region": "cn-east-3", "jobs": "all"}
AUTH = {"auth": {"access_key": "own", "secret_key": SK}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def loaded(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *sources: dict[str, Any]) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    Path("c.yaml").write_text(json.dumps({"sources": sources or [NORTH]}))
    Path("c.yaml").chmod(0o600)  # or it would be a warning that others can read its secrets
    settings = load("c.yaml", for_export=True)
    assert schema_faults(Path("c.yaml").read_text()) == []
    return settings


# Variables -> what of the source they give.
READ: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"HW_AUTH_TOKEN": "t"}, {"credentials": Token("t")}),
    (HW, {"credentials": Keys("ak", SK), "project_id": None, "project_name": None}),
    (HW | {"HW_SECURITY_TOKEN": "s"}, {"credentials": Keys("ak", SK, "s")}),
    (SDK | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "s"}, {"credentials": Keys("ak", SK, "s")}),
    (USER | {"HW_USER_NAME": "me", "HW_DOMAIN_NAME": "d"}, {"credentials": Password("me", "pw", "d")}),
    (USER | {"HW_USER_NAME": "me", "HW_DOMAIN_ID": "d1"}, {"credentials": Password("me", "pw", domain_id="d1")}),
    (USER | {"HW_USER_ID": "u1"}, {"credentials": Password(password="pw", user_id="u1")}),
    ({"OS_USER_ID": "u1", "OS_PASSWORD": "pw"}, {"credentials": Password(password="pw", user_id="u1")}),
    (
        {"OS_USERNAME": "me", "OS_PASSWORD": "pw", "OS_PROJECT_DOMAIN_ID": "d1"},
        {"credentials": Password("me", "pw", domain_id="d1")},
    ),
    *((HW | {name: "p1"}, {"project_id": "p1", "project_name": None}) for name in ("HW_PROJECT_ID", "OS_TENANT_ID")),
    (SDK | {"HUAWEICLOUD_SDK_PROJECT_ID": "p1", "HW_PROJECT_ID": "other"}, {"project_id": "p1"}),
    *(
        (keys | {name: "cn-north-4_team"}, {"project_id": None, "project_name": "cn-north-4_team"})
        for keys in (HW, SDK, OS)
        for name in ("HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME")
    ),
    (HW | {"HW_PROJECT_NAME": "cn-north-4_team", "HW_PROJECT_ID": "p1"}, {"project_id": "p1", "project_name": None}),
    (HW | {"HW_PROJECT_NAME": "cn-north-4_team", "OS_PROJECT_ID": "p1"}, {"project_name": "cn-north-4_team"}),
    (HW | {"HW_PROJECT_NAME": "team", "HW_REGION_NAME": "cn-north-4"}, {"project_name": "team"}),
    (HW | {"HW_PROJECT_ID": "p1", "OS_REGION_NAME": "cn-east-3"}, {"project_id": None}),
    (HW | {"HW_AUTH_URL": f"{IAM}/v3"}, {"iam_endpoint": IAM, "endpoint": DRS}),
    (SDK | {"HUAWEICLOUD_SDK_IAM_ENDPOINT": "https://iam.example"}, {"iam_endpoint": "https://iam.example"}),
    (HW | {"HW_CLOUD": "c.example"}, {"iam_endpoint": "https://iam.cn-north-4.c.example",
                                      "endpoint": "https://drs.cn-north-4.c.example"}),
    (HW | {"HUAWEICLOUD_SDK_REGION_DRS_CN_NORTH_4": "https://d.example/"}, {"endpoint": "https://d.example"}),
    (HW | {"HUAWEICLOUD_SDK_REGION_DRS_CN_NORTH_4": "d.example"}, {"endpoint": "https://d.example"}),
    (HW | {"HUAWEICLOUD_SDK_REGION_DRS_CN_EAST_3": "d.example"}, {"endpoint": DRS}),
    (HW | {"HW_INSECURE": "false", "HW_MAX_RETRIES": "3", "SKIP_CHECK_UPGRADE": "true", "HW_DOMAIN_ID": "d"},
     {"credentials": Keys("ak", SK)}),
    (HW | {"HW_SIGNING_ALGORITHM": "SDK-HMAC-SHA256", "OS_AGENCY_NAME": "alone"}, {"credentials": Keys("ak", SK)}),
    (HW | {"HUAWEICLOUD_SDK_IDP_ID": "i", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "f"}, {"credentials": Keys("ak", SK)}),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "meaning"), READ)
def test_what_is_read(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], meaning: dict[str, Any]) -> None:
    settings = loaded(monkeypatch, variables)
    (source,) = settings.sources
    assert {key: getattr(source, key) for key in meaning} == meaning
    assert settings.warnings == ()


# Variables -> the words that refuse them.
REFUSED: list[tuple[dict[str, str], str]] = [
    *(
        (keys | {name: "x"}, f"{name} is set, but {why}")
        for keys in (HW, SDK, OS, {})
        for name, why in (
            ("HW_ASSUME_ROLE_AGENCY_NAME", "no role"),
            ("HW_ASSUME_ROLE_IDP_ID", "tokens of an identity provider"),
            ("HW_PROFILE", "the file of KooCLI"),
            ("HW_SHARED_CONFIG_FILE", "the file of KooCLI"),
            ("HW_SIGNING_ALGORITHM", "requests are signed"),
        )
    ),
    (HW | {"OS_AGENCY_NAME": "a", "OS_AGENCY_DOMAIN_NAME": "d"}, "OS_AGENCY_NAME and OS_AGENCY_DOMAIN_NAME are set"),
    *(
        (keys | {"HUAWEICLOUD_OIDC_PROVIDER_URN": "u", "HUAWEICLOUD_OIDC_AGENCY_URN": "u"}, "identity provider")
        for keys in (SDK, {})
    ),
    (SDK | {"HUAWEICLOUD_SDK_IDP_ID": "i", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "f"}, "HUAWEICLOUD_SDK_IDP_ID and"),
    (
        {"HC_CONTAINER_CREDENTIALS_FULL_URI": "u", "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "f"},
        "HC_CONTAINER_CREDENTIALS_FULL_URI and",
    ),
    ({"HW_USER_ID": "u"}, "HW_USER_ID is set, but HW_USER_PASSWORD is not"),
    (HW | {"HW_CLOUD": "https://c.example/"}, "HW_CLOUD is not a domain"),
    (HW | {"HW_AUTH_URL": "http://iam.example/v3"}, "HW_AUTH_URL: http would send credentials in clear"),
    (HW | {"HUAWEICLOUD_SDK_REGION_DRS_CN_NORTH_4": "http://d.example"}, "DRS_CN_NORTH_4: http would send"),
]


@pytest.mark.parametrize(("variables", "words"), REFUSED)
def test_what_is_refused(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(monkeypatch, variables)
    assert words in str(caught.value)
    assert len(caught.value.faults) == 1
    assert "hush" not in str(caught.value)


# Variables -> the words that warn; the source is read all the same.
WARNED: list[tuple[dict[str, str], str]] = [
    ({"HW_INSECURE": "true"}, "HW_INSECURE is set, but certificates are always checked"),
    ({"OS_INSECURE": "1"}, "OS_INSECURE is set"),
    ({"OS_CACERT": "f"}, "SSL_CERT_FILE"),
    ({"OS_CERT": "f", "OS_KEY": "f"}, "OS_CERT and OS_KEY are set"),
    ({"HW_ENTERPRISE_PROJECT_ID": "e"}, "jobs of every enterprise project"),
    ({"HUAWEICLOUD_SDK_REGIONS_FILE": "f"}, "give endpoint"),
    ({"HUAWEICLOUD_SDK_REGION_DRS_CN_NORTH_4": "d.example,e.example"}, "only the first"),
]
WARNED_BESIDE_AUTH: list[tuple[dict[str, str], str]] = [
    *WARNED,
    *(({name: "p"}, f"{name} is set, but not read") for name in PROJECTS),
    ({"HW_PROFILE": "p"}, "HW_PROFILE is set"),
    ({"HW_ASSUME_ROLE_AGENCY_NAME": "a"}, "no role"),
]


@pytest.mark.parametrize(("variables", "words", "own"), [
    *((HW | variables, words, {}) for variables, words in WARNED),
    *((variables, words, AUTH) for variables, words in WARNED_BESIDE_AUTH),
])  # fmt: skip
def test_what_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str, own: dict[str, Any]
) -> None:
    other = {**NORTH, "name": "other", "project_name": "cn-north-4_b"}
    (warning,) = loaded(monkeypatch, variables, {**NORTH, **own}, {**other, **own}).warnings
    assert words in warning


def test_warnings_are_printed_once_on_stderr(monkeypatch: pytest.MonkeyPatch, inventory: Any) -> None:
    loaded(monkeypatch, HW | {"HW_INSECURE": "1"}, NORTH, EAST)
    done = inventory("--config", "c.yaml", "validate")
    assert done.returncode == 0
    assert done.stderr.count("warning: HW_INSECURE is set") == 1
    assert inventory("--config", "c.yaml", "-q", "validate").stderr == ""
    (line,) = inventory("--config", "c.yaml", "--log-format", "json", "validate").stderr.splitlines()
    assert "HW_INSECURE" in json.loads(line)["text"]


def test_a_project_that_may_be_another_source_s_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="HW_PROJECT_ID is set, but not for which source") as caught:
        loaded(monkeypatch, HW | {"HW_PROJECT_ID": "p1"}, NORTH, EAST)
    assert len(caught.value.faults) == 2
    own = {**EAST, "project_name": "cn-east-3"}
    with pytest.raises(ConfigError, match="HW_PROJECT_ID is set"):
        loaded(monkeypatch, {}, NORTH, own)
    settings = loaded(monkeypatch, {"HW_REGION_NAME": "cn-north-4"}, NORTH, EAST)
    assert [source.project_id for source in settings.sources] == ["p1", None]


def test_a_project_s_name_says_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = HW | {"HW_PROJECT_NAME": "cn-east-3_team"}
    own = {**NORTH, "project_name": "cn-north-4_mine"}
    settings = loaded(monkeypatch, variables, own, EAST)
    assert [source.project_name for source in settings.sources] == ["cn-north-4_mine", "cn-east-3_team"]


@pytest.mark.parametrize(
    ("defaults", "own", "project"),
    [
        ({"project_name": "a"}, {"project_id": "p"}, ("p", None)),
        ({"project_id": "p"}, {"project_name": "a"}, (None, "a")),
    ],
)
def test_the_source_s_own_project_counts(
    defaults: dict[str, str], own: dict[str, str], project: tuple[str | None, str | None]
) -> None:
    Path("c.yaml").write_text(json.dumps({"defaults": defaults, "sources": [{**NORTH, **AUTH, **own}]}))
    (source,) = load("c.yaml", for_export=True).sources
    assert (source.project_id, source.project_name) == project


def test_an_id_and_a_name_exclude_each_other() -> None:
    Path("c.yaml").write_text(json.dumps({"sources": [{**NORTH, **AUTH, "project_id": "p", "project_name": "a"}]}))
    with pytest.raises(ConfigError, match="give one of them"):
        load("c.yaml", for_export=True)


def test_two_sources_of_one_project_are_refused_by_its_name_too() -> None:
    same = [{**NORTH, **AUTH, "name": name, "project_name": "cn-north-4_team"} for name in ("a", "b")]
    main = [{**NORTH, **AUTH, "name": "a"}, {**NORTH, **AUTH, "name": "b", "project_name": "cn-north-4"}]
    for sources in (same, main):
        Path("c.yaml").write_text(json.dumps({"sources": sources}))
        with pytest.raises(ConfigError, match="the same project and region"):
            load("c.yaml", for_export=True)


@pytest.mark.parametrize(("auth", "credentials"), [
    ({"username": "me", "password": "p w", "domain_id": "d"}, Password("me", "p w", domain_id="d")),
    ({"user_id": "u", "password": "p"}, Password(password="p", user_id="u")),
])  # fmt: skip
def test_a_user_is_named_in_each_way_that_iam_knows(auth: dict[str, str], credentials: Password) -> None:
    Path("c.yaml").write_text(json.dumps({"sources": [{**NORTH, "auth": auth}]}))
    assert load("c.yaml", for_export=True).sources[0].credentials == credentials


@pytest.mark.parametrize(("region", "near"), [
    ("cn-nroth-4", ". Did you mean 'cn-north-4'?"),
    ("cn-north4", ". Did you mean 'cn-north-4'?"),
    ("ap-southeast1", ". Did you mean 'ap-southeast-1'?"),
    ("zz", ""),
])  # fmt: skip
def test_a_typing_error_in_a_region_is_refused(region: str, near: str, inventory: Any) -> None:
    Path("c.yaml").write_text(json.dumps({"sources": [{**NORTH, **AUTH, "region": region}]}))
    done = inventory("--config", "c.yaml", "validate")
    assert (done.returncode, done.stderr) == (
        64, f"error: c.yaml:1: sources[0]: unknown region; one that is new needs endpoint too{near}\n",
    )  # fmt: skip
    assert load("c.yaml", for_export=False).sources  # who reads the database alone is not kept from it


def test_a_new_region_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    new = {**NORTH, **AUTH, "region": "cn-north-13"}
    (source,) = loaded(monkeypatch, {}, {**new, "endpoint": "https://drs.cn-north-13.myhuaweicloud.com"}).sources
    assert source.iam_endpoint == "https://iam.cn-north-13.myhuaweicloud.com"
    assert (
        loaded(monkeypatch, {"HW_CLOUD": "c.example"}, new).sources[0].endpoint == "https://drs.cn-north-13.c.example"
    )


def test_the_known_regions_are_the_vendor_s() -> None:
    known = {name: region for name, region in vars(DrsRegion).items() if hasattr(region, "id")}
    assert {region.id for region in known.values()} == set(REGIONS)
    assert {region.endpoints[0] for region in known.values()} == {drs_endpoint(region) for region in REGIONS}


def test_each_variable_has_one_meaning() -> None:
    names = [name for family in FAMILIES for known in family.values() for name in known.split()]
    domains = {"OS_USER_DOMAIN_ID", "OS_PROJECT_DOMAIN_ID"}
    assert len(names) == len(set(names))
    assert domains <= set(names)


def test_a_file_that_others_can_read_is_told_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / ".huaweicloud" / "credentials"
    file.parent.mkdir()
    file.write_text("[basic]\nak=a\nsk=hush\n")
    for mode, told in ((0o600, 0), (0o640, 1), (0o604, 1)):
        file.chmod(mode)
        settings = loaded(monkeypatch, {}, NORTH, EAST)
        assert len(settings.warnings) == told
        assert all("~/.huaweicloud/credentials" in each and "chmod 600" in each for each in settings.warnings)
    assert stat.S_IMODE(file.stat().st_mode) == 0o604
    assert loaded(monkeypatch, HW, NORTH, EAST).warnings == ()  # it is not used


def test_the_file_names_an_identity_provider(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / ".huaweicloud" / "credentials"
    file.parent.mkdir()
    file.write_text("[basic]\nak=a\nsk=hush\nidp_id=i\nid_token_file=f\n")
    with pytest.raises(ConfigError, match=r"~/\.huaweicloud/credentials: idp_id and id_token_file are set"):
        loaded(monkeypatch, {})


def test_a_file_of_regions_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".huaweicloud").mkdir()
    (home / ".huaweicloud" / "regions.yaml").write_text("DRS: []\n")
    (warning,) = loaded(monkeypatch, HW).warnings
    assert "regions.yaml is not read" in warning
    assert loaded(monkeypatch, HW, {**NORTH, "endpoint": DRS}).warnings == ()


NOBODY = """
import contextlib, io, os, sys
from inventory.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
    main(sys.argv[1:])  # imports all that is needed: another user may not read it
os.setuid(54321)
del os.environ["HOME"]
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes a user without a name")
@pytest.mark.parametrize(
    ("variables", "code", "told"),
    [
        (SDK, 0, ""),
        ({}, 64, "a source needs auth"),
        ({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "no"}, 64, "no cannot be read: "),
    ],
)
def test_a_user_without_home_and_name(variables: dict[str, str], code: int, told: str) -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": "/root", **variables}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"sources": [NORTH]}, file)
        file.flush()
        Path(file.name).chmod(0o644)
        done = subprocess.run(
            [sys.executable, "-c", NOBODY, "--config", file.name, "validate"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert told in done.stderr


def test_no_home_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_folder() is not None
    assert loaded(monkeypatch, HW).sources[0].credentials == Keys("ak", SK)
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("HW_ACCESS_KEY")
    monkeypatch.delenv("HW_SECRET_KEY")
    with pytest.raises(ConfigError, match="a source needs auth"):
        loaded(monkeypatch, {})
