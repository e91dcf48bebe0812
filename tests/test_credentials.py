"""Where credentials are found, and that what is wrong with them is told without telling them."""

from pathlib import Path

import pytest

from inventory.config.credentials import (
    Credentials,
    CredentialsError,
    Found,
    Keys,
    Password,
    Token,
    find_credentials,
    unsendable,
)

HW_KEYS = {"HW_ACCESS_KEY": "hw-ak", "HW_SECRET_KEY": "hw-sk"}
SDK_KEYS = {"HUAWEICLOUD_SDK_AK": "sdk-ak", "HUAWEICLOUD_SDK_SK": "sdk-sk"}
HW_USER = {"HW_USER_NAME": "me", "HW_USER_PASSWORD": "pass word", "HW_DOMAIN_NAME": "account"}
OS_USER = {"OS_USERNAME": "me", "OS_PASSWORD": "p", "OS_USER_DOMAIN_NAME": "account"}


def write(home: Path, text: str) -> None:
    (home / ".huaweicloud").mkdir()
    (home / ".huaweicloud" / "credentials").write_text(text)


@pytest.mark.parametrize(
    ("variables", "credentials", "origin"),
    [
        (HW_KEYS | SDK_KEYS | OS_USER, Keys("hw-ak", "hw-sk"), "HW_ACCESS_KEY"),
        (HW_KEYS | HW_USER | {"HW_AUTH_TOKEN": "t"}, Token("t"), "HW_AUTH_TOKEN"),
        (HW_KEYS | HW_USER | {"HW_SECURITY_TOKEN": "t"}, Keys("hw-ak", "hw-sk", "t"), "HW_ACCESS_KEY"),
        (HW_USER | SDK_KEYS, Password("me", "pass word", "account"), "HW_USER_NAME"),
        (SDK_KEYS | {"OS_AUTH_TOKEN": "t"}, Keys("sdk-ak", "sdk-sk"), "HUAWEICLOUD_SDK_AK"),
        (SDK_KEYS | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "t"}, Keys("sdk-ak", "sdk-sk", "t"), "HUAWEICLOUD_SDK_AK"),
        (OS_USER, Password("me", "p", "account"), "OS_USERNAME"),
        ({"OS_ACCESS_KEY": "a", "OS_SECRET_KEY": "s"} | OS_USER, Keys("a", "s"), "OS_ACCESS_KEY"),
        ({"OS_AUTH_TOKEN": "t"}, Token("t"), "OS_AUTH_TOKEN"),
        ({"HW_ACCESS_KEY": "half", "HW_SECRET_KEY": ""} | SDK_KEYS, Keys("sdk-ak", "sdk-sk"), "HUAWEICLOUD_SDK_AK"),
    ],
)  # fmt: skip
def test_the_first_complete_set_wins(
    variables: dict[str, str], credentials: Credentials, origin: str, tmp_path: Path
) -> None:
    write(tmp_path, "[basic]\nak=file\nsk=file\n")
    found = find_credentials(variables, tmp_path)
    assert found is not None
    assert (found.credentials, found.credentials.origin) == (credentials, origin)


def test_what_stands_beside_is_found_too(tmp_path: Path) -> None:
    beside = {
        "HW_REGION_NAME": "cn-north-4", "HW_PROJECT_ID": "p", "OS_PROJECT_ID": "other",
        "HW_AUTH_URL": "https://iam.cn-north-4.myhuaweicloud.com/v3/", "HUAWEICLOUD_SDK_PROJECT_ID": "q",
    }  # fmt: skip
    found = find_credentials(HW_KEYS | beside, tmp_path)
    keys = Keys("hw-ak", "hw-sk")
    assert found == Found(keys, "cn-north-4", "p", "https://iam.cn-north-4.myhuaweicloud.com")
    assert find_credentials(SDK_KEYS | beside, tmp_path) == Found(Keys("sdk-ak", "sdk-sk"), "cn-north-4", "q", None)


def test_the_file_comes_last(tmp_path: Path) -> None:
    assert find_credentials({}, tmp_path) is None
    write(
        tmp_path,
        "[global]\nak=g\n[basic]\nAK = a%b\nsk: s%%\nsecurity_token=t\nproject_id=p\niam_endpoint=https://i/v3\n",
    )
    found = find_credentials({"OS_REGION_NAME": "r"}, tmp_path)
    assert found == Found(Keys("a%b", "s%%", "t"), "r", "p", "https://i")
    assert found.credentials.origin == "~/.huaweicloud/credentials"
    other = tmp_path / "other"
    other.write_text("[basic]\nak=x\nsk=y\n")
    named = find_credentials({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(other)}, tmp_path)
    assert named is not None
    assert named.credentials == Keys("x", "y")
    assert named.credentials.origin == str(other)


@pytest.mark.parametrize(
    ("variables", "file", "told"),
    [
        ({"HW_ACCESS_KEY": "hush"}, "", "HW_SECRET_KEY"),
        ({"HW_SECRET_KEY": "hush"}, "", "HW_ACCESS_KEY"),
        ({"HUAWEICLOUD_SDK_SK": "hush"}, "", "HUAWEICLOUD_SDK_AK"),
        ({"HW_USER_NAME": "hush", "HW_USER_PASSWORD": "hush"}, "", "HW_DOMAIN_NAME"),
        ({"OS_PASSWORD": "hush"}, "", "OS_USERNAME and OS_DOMAIN_NAME"),
        ({}, "[basic]\nak = hush\n", "sk"),
        ({}, "[basic]\nak = hush\nak = hush\n", "not an INI file"),
        ({}, "hush", "not an INI file"),
        ({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "/no/such/file"}, "", "No such file"),
        ({"HW_AUTH_TOKEN": "hush\n"}, "", "HW_AUTH_TOKEN"),
        ({"OS_AUTH_TOKEN": "hüsh"}, "", "OS_AUTH_TOKEN"),
        (HW_KEYS | {"HW_SECURITY_TOKEN": "hush hush"}, "", "HW_SECURITY_TOKEN"),
        ({"HW_ACCESS_KEY": "a", "HW_SECRET_KEY": "hush\r\n"}, "", "HW_SECRET_KEY"),
        ({}, "[basic]\nak = a\nsk = hüsh\n", "sk in ~/.huaweicloud/credentials"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_not_shown(variables: dict[str, str], file: str, told: str, tmp_path: Path) -> None:
    if file:
        write(tmp_path, file)
    with pytest.raises(CredentialsError, match=told) as caught:
        find_credentials(variables, tmp_path)
    assert "hush" not in str(caught.value)
    assert "hüsh" not in str(caught.value)


def test_a_domain_alone_is_no_half(tmp_path: Path) -> None:
    assert find_credentials({"HW_DOMAIN_NAME": "d", "OS_AUTH_URL": "https://i", "HW_PROJECT_ID": "p"}, tmp_path) is None


def test_what_no_header_carries() -> None:
    assert [value for value in ("ok+/=~", "", "a b", "a\n", "\x00", "é", "\x7f") if unsendable(value)] == [
        "a b", "a\n", "\x00", "é", "\x7f",
    ]  # fmt: skip


def test_no_secret_is_in_a_repr() -> None:
    shown = repr([Token("hush"), Keys("ak", "hush", "hush"), Password("me", "hush", "d")])
    assert "hush" not in shown
