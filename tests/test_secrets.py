"""Secrets in names and texts: the forms that must be masked, and what must be left as it is."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.common.exact_json import Json
from inventory.common.masks import MASK
from inventory.normalise.fast import Normaliser
from inventory.normalise.prepared import PreparedJob, from_normalised
from inventory.normalise.redact import Redactor
from inventory.normalise.secret_names import holds_secret
from inventory.normalise.secret_texts import mask_text
from inventory.normalise.walk import normalise, normalise_listing

# § stands for the secret in each form. What comes out is the same text with *** in its place.
WHOLE = """
password=§
password = §
password="§"
password='§'
password := §
password => §
:password=>"§"
password == '§'
password： §
password＝§
"password": "§"
{"password":"§","user":"root"}
{'password': '§', 'user': 'root'}
{\\"password\\":\\"§\\",\\"user\\":\\"root\\"}
{\\\\\\"password\\\\\\":\\\\\\"§\\\\\\"}
&quot;password&quot;:&quot;§&quot;
\\u0022password\\u0022:\\u0022§\\u0022
password%3D§%26user%3Droot
%22password%22%3A%22§%22
password\\u003d§\\u0026user\\u003droot
password (base64): §
params['password'] = '§'
User{name=root, password=§}
user=root password='§' host=db
userPassword:: §
passwd: §
pwd=§;
PGPASSWORD=§ psql -h db
MYSQL_PWD=§ mysqldump shop
pass: §
dbPass=§
passphrase: §
api key: §
apikey=§
api-key: §
X-Api-Key: §
X-Auth-Token: §
X-Subject-Token : §
access_key=§
AccessKeyId=§
AWS_SECRET_ACCESS_KEY=§
secretAccessKey: §
sk=§
AK: §
"sk" : "§"
AccountKey=§
sslCertKey=§
private_key: §
Private Key = §
encryption key: §
psk=§
credential: §
密码：§
密码:§
密码=§
密码为§
密码是§，请重试
口令为§
口令：“§”
数据库密码：§。
用户root的密码为§
密钥＝§
令牌：§
password is §
the password was "§"
password set to §
token is §
secret: §
Authorization: Bearer §
authorization: Basic §
Authorization: §
Proxy-Authorization: Basic §
curl -H "Authorization: Bearer §" https://h/x
curl -H 'X-Auth-Token: §' https://h/x
Cookie: §
Set-Cookie: §
curl -H "Cookie: §" https://h
cookie=§
mysql -h db -u root -p§ shop
mongodump -u root -p § --host db
sshpass -p § ssh db
mysql --password §
mysql --password=§
drs --db-password "§" --user root
java -password §
sqlcmd -S db -U sa -P §
redis-cli -h db -a §
curl -u admin:§ https://h
sqlplus u/§@//db:1521/x
sqlplus -S u/§@db
connect scott/§@orcl
system/§@10.0.0.5:1521/orcl
CREATE USER a IDENTIFIED BY '§'
ALTER USER a IDENTIFIED BY §
CREATE USER a IDENTIFIED WITH mysql_native_password BY '§'
CREATE USER a IDENTIFIED WITH mysql_native_password AS '§'
CREATE USER a IDENTIFIED BY PASSWORD '§'
ALTER USER a IDENTIFIED BY VALUES '§'
ALTER USER a IDENTIFIED BY "***" REPLACE "§"
ALTER ROLE a WITH ENCRYPTED PASSWORD '§'
CREATE LOGIN a WITH PASSWORD = N'§'
CHANGE MASTER TO MASTER_USER='r', MASTER_PASSWORD='§'
machine db login u password §
config set requirepass §
https://oss/x?Expires=1&Signature=§
https://blob/x?sv=1&sig=§&se=2
https://s3/x?X-Amz-Signature=§
https://oapi.dingtalk.com/robot/send?access_token=§
https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=§
https://open.feishu.cn/open-apis/bot/v2/hook/§
https://h/x?token=§
https://h/x?a=1&amp;password=§&amp;b=2
jdbc:mysql://db:3306/x?user=a&password=§&useSSL=true
jdbc:mysql://root:§@db/x
jdbc:oracle:thin:u/§@db:1521:x
jdbc:sqlserver://db;user=sa;password=§;
postgresql://u:§@db/d
redis://:§@db:6379
user:§@tcp(10.0.0.1:3306)/db
root:§@10.0.0.1
<password>§</password>
<ns:dbPassword type="x">§</ns:dbPassword>
<password><![CDATA[§]]></password>
&lt;password&gt;§&lt;/password&gt;
<name>fs.secret.key</name> <value>§</value>
<property name="password" value="§"/>
<user name="a" password="§"/>
<password value="§"/>
[{"name": "password", "value": "§"}]
[{"value": "§", "name": "password"}]
{"k":"db_pwd","v":"§"}
{"field":"api_key","content":"§"}
[{\\"key\\":\\"sk\\",\\"value\\":\\"§\\"}]
""".strip().splitlines()

# Forms whose secret is told by its shape, or is more than one word: text, and what comes out.
SHAPED = {
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln in the log": "*** in the log",
    "AKIAIOSFODNN7EXAMPLE is not known": "*** is not known",
    "ghp_" + "a1" * 18: "***",
    "got Basic dXNlcjpodW50ZXIy": "got Basic ***",
    "got Bearer abc123def456": "got Bearer ***",
    "password hunter2x rejected": "password *** rejected",
    "https://hooks.slack.com/services/T00/B00/x1": "https://hooks.slack.com/services/***",
    "-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n-----END PRIVATE KEY-----\nrefused": (
        "-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\nrefused"
    ),
    "bad -----BEGIN RSA PRIVATE KEY-----\\nMIIE": "bad -----BEGIN RSA PRIVATE KEY-----***",
    "SET PASSWORD FOR u = PASSWORD('a b')": "SET PASSWORD FOR u = PASSWORD('***')",
    "password: 'it''s' x": "password: '***' x",
    'password="a\\"b" x': 'password="***" x',
    '{\\"pwd\\":\\"a\\\\\\"b\\",\\"u\\":1}': '{\\"pwd\\":\\"***\\",\\"u\\":1}',
    'password="cut off in the mid': 'password="***',
    '{"password": ["a", "b"], "user": "c"}': '{"password": ***, "user": "c"}',
    "jdbc:sqlserver://h;password={a;b}": "jdbc:sqlserver://h;password=***",
    "jdbc:mysql://root:p@ss/w@db/x": "jdbc:mysql://root:***@db/x",
    "u:a:b@tcp(h)/d": "u:***@tcp(h)/d",
    "mysqldump -uroot -p123456 shop": "mysqldump -uroot -p*** shop",
    "sqlplus u/tiger": "sqlplus u/***",
    "Cookie: a=1; b=2\nHost: db": "Cookie: ***\nHost: db",
    'Authorization: Digest username="u", response="x"': "Authorization: Digest ***",
    "password:\n  hunter": "password:\n  ***",
    "key: |\n  a\napi_key: |\n  b1\n  c1\nnext: d": "key: |\n  a\napi_key: |\n  ***\nnext: d",
}

INNOCENT = """
token bucket is empty
password policy: at least 8 characters
the password is incorrect
the password is expired
password expired
Token expired: 2026-01-01
secret manager is unavailable
error code: 123
basic authentication failed
Basic PostgreSQL
key: value
author: Jane Doe
authorization failed for user root
Cookies are disabled
psql -h 10.0.0.1 -p 3306 db
ssh -p 22 root
mkdir -p /tmp/x
Access denied for user 'root'@'10.0.0.1' (using password: YES)
password: null
primary key: id
Duplicate entry 'a' for key: orders.PRIMARY
Unknown column 'password' in 'field list'
Table 'a.password' doesn't exist
compass: north
bypass: 1
passed: 12, failed: 3
com.huawei.TokenException: connection refused
at x.PasswordUtil.check(PasswordUtil.java:45)
connect to 10.0.0.1:3306 failed
https://h:443/x?page=1
jdbc:mysql://10.0.0.1:3306/x?useSSL=true
密码错误：请检查
密码为空
密码是错误的
密码已过期
令牌桶限流
monkey: banana
tokenizer: bpe
key_count: 12
task: migrate orders
disk: 90%
mailto:ops@example.com
contact: ops@example.com
db-*-*-table-orders
b2a1c7e0-0000-11ee-8000-000000000001:1-77
mysql-bin.000003:1547
the --password option is required
Signature does not match
""".strip().splitlines()

SECRET = "hunter2Xy"


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("form", WHOLE)
def test_a_secret_in_a_text_is_masked(form: str) -> None:
    before, after = form.split("§")
    masked = mask_text(before + SECRET + after)
    assert SECRET not in masked
    assert masked.startswith(before)
    assert masked.removeprefix(before).lstrip("*").startswith(after[:1])
    assert mask_text(masked) == masked


@pytest.mark.parametrize("text", SHAPED)
def test_a_secret_of_known_shape_is_masked(text: str) -> None:
    assert mask_text(text) == SHAPED[text]
    assert mask_text(SHAPED[text]) == SHAPED[text]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_speaks_of_secrets_is_left(text: str) -> None:
    assert mask_text(text) == text


FORMS = [*(form.replace("§", SECRET) for form in WHOLE), *SHAPED, *INNOCENT]
PIECES = st.lists(
    st.sampled_from(FORMS)
    | st.sampled_from([" ", "\n", '"', "'", ";", "{", "}", "@", ":", "=", "\\", "<", " -p", "，"]),
    min_size=1, max_size=5,
)  # fmt: skip


def test_a_mask_of_one_rule_is_what_another_reads() -> None:
    text = f'"redis://:{SECRET}@db:6379"user:{SECRET}@tcp('
    assert mask_text(mask_text(text)) == mask_text(text)
    assert SECRET not in mask_text(text)


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(PIECES, st.integers(0, 400))
def test_masking_a_text_twice_is_masking_it_once(pieces: list[str], end: int) -> None:
    once = mask_text("".join(pieces)[: end + 1])
    assert mask_text(once) == once


LARGE = 200_000  # characters: a quadratic search would take minutes
UNITS = [
    "password", ":", '"', '{"', "password=", 'password="', 'pwd="a\\"', "\\", "eyJ", "://a:", "a:b@", "a: ", " -px",
    "mysql ", "--password ", "<password>", "-----BEGIN A-----", '"name":"password",', '"value":"a",', "密码", "密码：",
    "Cookie: a\n", "Authorization: ", "a.", "u/p@", "password is ", "identified by ", "MII", "password '", "[",
    "&quot;", 'password=\\"a', "password: |\n ", "a:@tcp(", "Basic aaaa", "/hook/", "k=token,v=1;", "=", "-", "@",
    "sqlplus -a ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    text = "password=" + unit * (LARGE // len(unit)) + "@"
    begin = time.process_time()
    mask_text(text)
    mask_text(text[9:])
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "name",
    words(
        """
        password db_password dbPassword DB-PASSWORD dbpassword passwd pwd db_pwd userPwd rootpwd MYSQL_PWD pass
        dbPass user_pass passphrase passcode api_key apiKey apikey x-api-key authorization Proxy-Authorization
        cookie Set-Cookie ssh_key sshKey sshkey kms_key encryption_key sslCertKey sslcertkey truststorekey
        keyStoreKey private_key privateKey access_key AccessKeyId secret secretKey client_secret token authToken
        x_subject_token credential credentials sk ak db_sk auth basic_auth auth_key AccountKey signature sig jwt
        psk pwd_new password1 api_key_value 密码 数据库密码 口令 密钥 令牌 user_密码 signing_key master_key psw
        otp keytab sessionSecret ssh_key_value sk1 pass_new user_pass2
        """
    ),
)
def test_a_member_that_holds_a_secret(name: str) -> None:
    assert holds_secret(name)
    assert Redactor().undeclared(name, "x") == MASK


@pytest.mark.parametrize(
    "name",
    [
        "compass",
        "bypass",
        "by_pass",
        "passed",
        "passing",
        "key",
        "key_count",
        "monkey",
        "keyboard",
        "tokenizer",
        "tokenization",
        "secretary",
        "primary_key",
        "foreignKey",
        "partition_key",
        "tag_key",
        "public_key",
        "key_name",
        "author",
        "authors",
        "authority",
        "assignment",
        "task_id",
        "skill",
        "disk",
        "mask",
        "desk",
        "make",
        "design",
        "signal",
        "cookies_enabled",
        "name",
        "value",
        "status",
        "名称",
        "描述",
        "author_id",
        "pass_rate",
        "kms_key_id",
        "certificate",
    ],
)
def test_a_member_that_holds_none(name: str) -> None:
    assert not holds_secret(name)
    assert Redactor().undeclared(name, "x") == "x"


MEMBERS: list[Json] = [
    {"name": "password", "value": SECRET},
    {"value": SECRET, "key": "db_pwd"},
    {"k": "sk", "v": [SECRET]},
    {"field": "api_key", "content": {"deep": SECRET}},
    {"param_name": "password", "default_value": SECRET},
    {"password": {"a": [SECRET]}},
    ["password", SECRET],
    ["mysql", "--password", SECRET],
    ["mysql", f"-p{SECRET}"],
    [{"deep": [f"jdbc:mysql://h/x?user=a&password={SECRET}"]}],
    json.dumps({"password": SECRET}),
    json.dumps(json.dumps([{"name": "password", "value": SECRET}])),
    f"https://h/x?token={SECRET}",
    f"密码：{SECRET}",
]


@pytest.mark.parametrize("key", [None, "a key"], ids=["mask", "fingerprint"])
@pytest.mark.parametrize("value", MEMBERS, ids=str)
def test_a_secret_anywhere_in_a_member_without_a_column(value: Json, key: str | None) -> None:
    redactor = Redactor(key)
    masked = redactor.undeclared("new_member", value)
    assert SECRET not in str(masked)
    assert redactor.undeclared("new_member", masked) == masked


def test_a_name_beside_a_value_of_no_secret_masks_nothing() -> None:
    for value in ({"name": "port", "value": "x"}, {"name": "password", "note": "x"}, ["a", "password"], ["port", "x"]):
        assert Redactor().undeclared("new", value) == value


# Where a job holds texts that are free, or are not of the form that their column is for.
PLACES: dict[str, Any] = {
    "description": lambda text: {"description": text},
    "failed_reason": lambda text: {"failed_reason": text},
    "error_message": lambda text: {"error_message": text},
    "incre_start_position": lambda text: {"incre_start_position": text},
    "tag": lambda text: {"tags": [{"key": "note", "value": text}]},
    "free tag": lambda text: {"tags": [{"note": text}]},
    "alarm": lambda text: {"alarm_notify": {"subscriptions": [{"protocol": "sms", "endpoints": [text]}]}},
    "condition": lambda text: {
        "data_transformation": {"filter_conditions": [{"transformation_info": {"value": text}}]}
    },
    "values": lambda text: {
        "data_transformation": {"filter_conditions": [{"config_transformation": {"values": text}}]}
    },
    "a number": lambda text: {"inst_info": {"volume_size": text}},
    "a time": lambda text: {"create_time": text},
    "an enumeration": lambda text: {"status": text},
    "no column": lambda text: {"new": {"deep": [text]}},
}


@pytest.mark.parametrize("place", PLACES)
def test_both_ways_through_the_job_mask_alike(place: str) -> None:
    for text in (f"password={SECRET}", f"https://u:{SECRET}@h/x?token={SECRET}", f"密码：{SECRET}", "plain"):
        job = {"id": "j", "name": "n", "status": "CREATING", **PLACES[place](text)}
        fast = Normaliser(Redactor()).job(json.dumps(job).encode(), "j", b"", None)
        assert isinstance(fast, PreparedJob)
        slow = from_normalised(normalise("j", Redactor().job(job)))
        assert (fast.chunks, fast.findings) == (slow.chunks, slow.findings)
        assert SECRET not in str((fast.rows, slow.rows, fast.findings))
        listed = Redactor().listing({"id": "j", **job})
        assert SECRET not in str(from_normalised(normalise_listing("j", None, listed, alone=True)).rows)
        assert text != "plain" or "plain" in str((fast.rows, fast.findings))
        assert SECRET not in str(Redactor().answer({"count": 1, "results": [job], "jobs": [job], "error_msg": text}))


@pytest.mark.parametrize("key", ["password", "db_pwd", "密码"])
@pytest.mark.parametrize("how", [Redactor(), Redactor("a key")], ids=["mask", "fingerprint"])
def test_a_tag_that_is_named_like_a_secret(key: str, how: Redactor) -> None:
    jobs = [{"id": "j", "name": "n", "tags": tags} for tags in ([{"key": key, "value": SECRET}], [{key: SECRET}])]
    for job in jobs:
        fast = Normaliser(how).job(json.dumps(job).encode(), "j", b"", None)
        assert isinstance(fast, PreparedJob)
        assert fast.rows["tags"] == normalise("j", how.job(job)).rows["tags"]
        assert SECRET not in str(fast.rows["tags"])


def test_equal_secrets_have_equal_fingerprints_in_all_jobs() -> None:
    one, other = Redactor("a key"), Redactor("a key")
    assert one.job({"source_endpoint": {"db_password": "x"}}) == other.job({"source_endpoint": {"db_password": "x"}})
    assert one.mask("x") != one.mask("y") and one.mask("x") != Redactor("another").mask("x")


def test_a_fingerprint_of_another_key_is_a_secret_like_any_other() -> None:
    one, other = Redactor("a key"), Redactor("another")
    assert one.mask(one.mask("x")) == one.mask("x")
    assert other.mask(one.mask("x")) not in (one.mask("x"), other.mask("x"))


def test_columns_that_are_treated_like_secrets() -> None:
    redactor = Redactor(columns=frozenset({"tags.value", "job_listings.net_type"}))
    job = redactor.job({"tags": [{"key": "stage", "value": "prod"}, {"owner": "ann"}]})
    assert job == {"tags": [{"key": "stage", "value": MASK}, {"owner": MASK}]}
    listed = {"id": "j", "net_type": "vpc", "error_msg": f"pwd={SECRET}"}
    assert redactor.listing(listed) == {"id": "j", "net_type": MASK, "error_msg": "pwd=***"}
    assert redactor.answer({"jobs": [listed]}) == {"jobs": [redactor.listing(listed)]}
