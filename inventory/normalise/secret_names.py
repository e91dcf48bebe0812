"""Decides by its name whether a member of a JSON object, or a value in a text, is a secret.

Names are split into words in any style (``sslCertKey``, ``DB-PASSWORD``, ``用户密码``), so that `compass` or
`key_count` do not count as a password or a key. The list is based on detect-secrets' keyword rule (Apache-2.0); the
names from the cloud, SQL and HTTP, and the Chinese names, were added.
"""

import re
from functools import lru_cache

__all__ = ["CHINESE", "HINTS", "holds_secret", "introduces_secret", "is_name_member", "is_value_member", "role_of"]

CHINESE = "密码|密碼|口令|密钥|密鑰|金鑰|秘钥|秘鑰|私钥|私鑰|令牌|凭证|憑證|凭据|憑據|授权码|验证码"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Anywhere in one word, also in the middle: `dbpassword`, `accesstoken`.
_IN_WORD = re.compile(
    rf"passw[do]|passphrase|passcode|passkey|pwd|requirepass|secret(?!ar|ion)|token(?!i[sz]|omic)|credential"
    rf"|sessid|contraseñ|contrasena|passwort|{CHINESE}"
)
# Across words: `private_key`, `privateKey` and `privatekey` are one.
_ACROSS = re.compile("password|passwd|passphrase|privatekey|accesskey|secretkey|apikey")
# As the last word; `_CARRIERS` may follow.
_LAST = _set(
    """
    pass psw pswd passw passwrd sk ak cookie cookies authorization authorisation signature sig jwt bearer otp psk
    keytab pem mima masterauth passin passout userpass dbpass keypass storepass adminpass rootpass sshpass
    """
)
_KEYS = _set(
    """
    access account aes api app auth authentication cert certificate cipher client crypto database db decryption
    des dsa ecdsa encrypt encryption gpg hmac host kms licence license master pgp priv private rsa secret server
    service session shared sign signing sm4 ssh ssl store storage symmetric tls wallet webhook
    """
)  # before "key" they mean a secret key, unlike a primary, foreign or tag key
_JOINED_KEYS = tuple(
    f"{word}key" for word in _set("api ssh kms auth account encrypt encryption sslcert truststore keystore")
)
_CARRIERS = _set(
    """
    value text string str plain plaintext content contents data material base64 b64 encoded encrypted enc md5 sha1
    sha256 hash hex raw old new current confirm confirmation again repeat
    """
)
# After a name in a text: `TokenException: …` or `password policy: …` is about a secret, not the secret itself.
_ABOUT = _set(
    """
    exception error errors failure fault warning expired expiry expires expiration invalid policy type count
    length size ttl time age manager service provider handler filter factory interceptor validator encoder util
    utils impl bucket limit java py go js cpp count required status state check field column
    """
)
_NAME_MEMBERS = _set(
    """
    name key k field property param parameter option variable attribute item header config setting
    """
)
_VALUE_MEMBERS = _set(
    """
    value values v val content data text default current setting
    """
)
_ONLY_CHINESE = re.compile(rf"(?:{CHINESE})(?:为|是|值)?\Z")
_MAX_CACHED = 200  # characters; the result for a longer name is not cached

# A text in lower case with the name of a secret contains one of these; or `sk`, `ak`, or Chinese.
HINTS = (
    "pass", "pwd", "psw", "secret", "token", "cred", "key", "cookie", "auth", "sig", "jwt", "bearer", "otp", "psk",
    "pem", "mima", "sessid", "contrase",
)  # fmt: skip


def holds_secret(name: str) -> bool:
    """Return whether a member without a column is secret, by its name."""
    return _holds(name) if len(name) <= _MAX_CACHED else _judge(name)


@lru_cache(maxsize=4096)
def _holds(name: str) -> bool:
    return _judge(name)


def _judge(name: str) -> bool:
    words = _words(name)
    if any(map(_IN_WORD.search, words)) or _ACROSS.search("".join(words)):
        return True
    while words and (words[-1] in _CARRIERS or words[-1].isdigit()):
        words.pop()
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in ("key", "keys", "code"):
        return (before in _KEYS) if last != "code" else before == "auth"
    if last == "auth":
        return before in ("", "basic", "proxy", "redis")
    return (last in _LAST and before != "by") or last.endswith(_JOINED_KEYS)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def introduces_secret(name: str) -> bool:
    """Return whether the value after this name in a text is a secret."""
    return role_of(name) == "secret"


def is_name_member(name: str) -> bool:
    """Return whether a member names the content of another one: ``{"name": "password", "value": X}``."""
    return role_of(name) == "name"


def is_value_member(name: str) -> bool:
    """Return whether another member may name the content of this one."""
    return role_of(name) == "value"


def role_of(name: str) -> str:
    """Return what follows a name in a text: "secret", "name", "value" (which a name describes), or ''."""
    return _role(name if len(name) <= _MAX_CACHED else name[-_MAX_CACHED:])


@lru_cache(maxsize=4096)
def _role(name: str) -> str:
    if _holds(name):
        last = _words(name)[-1]
        is_one = last not in _ABOUT and (last.isascii() or bool(_ONLY_CHINESE.search(last)))
        return "secret" if is_one else ""
    last = (_words(name) or [""])[-1]
    if name.casefold() in _NAME_MEMBERS or last == "name":
        return "name"
    return "value" if last in _VALUE_MEMBERS else ""
