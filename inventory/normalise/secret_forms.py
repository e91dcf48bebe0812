"""Finds secrets in texts in forms other than NAME = VALUE: sentences, SQL, command lines, URLs, XML, tokens.

The rules for tokens of well-known forms are from detect-secrets (Apache-2.0), with length limits. The library is not
used: importing it takes 0.2 s and each line 2 ms, it finds only the first secret of a line and no assignments without
quotes, and its keyword rule takes quadratic time.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator

from inventory.normalise.secret_names import CHINESE, introduces_secret, is_name_member, is_value_member
from inventory.normalise.secret_values import Span, end_of_word, value_at

__all__ = ["MAX_DISTANCE", "RULES", "Rule", "mentions"]

MAX_DISTANCE = 200  # characters between a name and its value in two members of one object, at most

Finder = Callable[[str], Iterator[Span]]
Rule = tuple[Callable[[str], bool], Finder]  # a fast check of the text in lower case; the search
_CHINESE = re.compile(CHINESE)


def mentions(*hints: str, chinese: bool = False) -> Callable[[str], bool]:
    """Return a fast check whether a text contains one of the hints; most texts contain none."""

    def may_find(folded: str) -> bool:
        for hint in hints:  # `any` takes twice as long
            if hint in folded:
                return True
        return chinese and not folded.isascii() and bool(_CHINESE.search(folded))

    return may_find


def _values_after(*patterns: re.Pattern[str]) -> Finder:
    """Return a function that finds the values after each match of the patterns."""

    def find(text: str) -> Iterator[Span]:
        for pattern in patterns:
            at = 0
            while found := pattern.search(text, at):
                span = value_at(text, found.end())
                yield span
                at = max(found.end(), span[1])

    return find


# -- in sentences, and in SQL

_WORDS = "password|passwd|pwd|passphrase|passcode|secret|token"
_NOT_A_VALUE = (
    "not|no|now|null|none|empty|blank|missing|unset|set|wrong|incorrect|correct|invalid|valid|expired|expiring|required"
    "|mandatory|optional|too|weak|strong|short|long|longer|shorter|less|more|being|been|in|on|at|of|to|for|from|by|with"
    "|about|as|an|a|the|your|our|its|this|that|these|what|which|only|also|still|already|never|always|probably|likely"
    "|unknown|ok|disabled|enabled|encrypted|encoded|hashed|stored|saved|sent|used|needed|rejected|refused|denied"
    "|revoked|malformed|unsupported|supported|different|same|locked|changed|reset|case|limited|generated|given"
    "|provided|specified|configured|unavailable|available|present|absent|inconsistent|bad|going|managed|kept|and|or|but"
)
_IN_WORDS = re.compile(
    rf"""(?xi) \b (?:{_WORDS}|credentials?|(?:api|access|secret|private)[ ]key) [ \t]{{1,3}}+
    (?:is|was|set[ ]to|changed[ ]to|equals) [ \t:]{{1,3}}+ (?!(?:{_NOT_A_VALUE})\b)"""
)
_IN_CHINESE = re.compile(
    rf"(?:{CHINESE})[ \t]{{0,3}}+(?:为|是|等于|设为|设置为|改为|修改为)[ \t:：]{{0,3}}+"
    "(?!空|错|不|无|必|过|否|正|已|未|默|什|null)"
)
_RANDOM = re.compile(  # with letters and digits, no separator: "password hunter2"
    rf"""(?xi) (?:\b(?:{_WORDS}|bearer) [ \t]{{1,3}}+ | (?:{CHINESE}) [ \t]{{0,3}}+ (?=[!-~]))
    (?!\(|(?:md5|sha-?\d+|v\d+|utf-?\d+|base64|rfc\d*|e\d+)\b|\S{{0,99}}+://) (?=\S{{6}})
    (?=[^\s\d:=：＝]{{0,99}}+\d) (?=[^\sA-Za-z:=：＝]{{0,99}}+[A-Za-z]) | \b bearer [ \t]{{1,3}}+ (?=[\w.~+/-]{{24}})"""
)
_QUOTED = re.compile(
    rf"""(?xi) (?<![\w"'`-]) (?:\w{{0,20}}_)?+ (?:{_WORDS}) (?:[ \t]{{1,3}}+ \(?|\() [ \t]{{0,3}}+ (?=N?["'])"""
)
_ANY_WORD = re.compile(
    r"(?i)\blogin[ \t]{1,3}+\S{1,99}+[ \t\r\n]{1,3}+password[ \t]{1,3}+|\b(?:requirepass|masterauth)[ \t]{1,3}+"
)
_IDENTIFIED = re.compile(
    r"""(?xi) \b identified \s{1,9}+ (?:with \s{1,9}+ \S{1,60}+ \s{1,9}+)?+ (?:by|as|using) \s{1,9}+
    (?:(?:password|values|random[ ]password) \s{0,9}+)?+ | \b replace \s{1,9}+ (?=["'])"""
)

# -- on command lines

_OPTION = re.compile(
    r"(?<![\w-])(--?[A-Za-z][\w-]{1,60}+)[ \t]{1,3}+(?=[^\s-])(?!(?:option|flag|argument|or|and|is)\b)"
)
_SHORT = re.compile(
    r"""(?x) (?<![\w.=/-]) -p (?: (?=\S) (?!\d{1,5}(?![\w.!@\#$%^*+-])) (?!(?:
    ort|ath|rofile|roperties|rint|id|lugin|ackage|refix|arallel|roject|roxy|rotocol|rocess|eriod|attern|artition|arent
    |ublic|rivate|riority|reserve|ipe|ull|ush|ass\w*|wd)\b)
    | [ \t]{1,3}+ (?![\s/.:-]) (?!\d{1,5}(?:[:\s"'，。,;)]|\Z)) (?!(?:to|or|and|is|option|flag)\b) )"""
)
_COMMAND = re.compile(
    r"(?i)(?:\A|[\n|;&(`])[\s\"'\[]*\Z|[\s\"']--?[a-z][^\n]*\Z|\b(?:\w*mysql\w*|maria\w+|mongo\w*|sshpass|\w*sql)\b"
)
_TOOLS = re.compile(
    r"""(?xi) \b (?:mysql\w{0,12}|mariadb[\w-]{0,12}) \b [^\n|;]{0,200}? (?<=[\s"']) (?-i:-p)(?=\d)
    | \b (?:sqlcmd|bcp|isql|osql|tsql) \b [^\n|;]{0,200}? (?<=[\s"']) (?-i:-P) [ \t]{0,3}+
    | \b redis-cli \b [^\n|;]{0,200}? (?<=[\s"']) -a [ \t]{1,3}+
    | \b gsql \b [^\n|;]{0,200}? (?<=[\s"']) (?-i:-W) [ \t]{0,3}+
    | (?<![\w-]) (?:-u|--user|--proxy-user) (?:[ \t]{1,3}+|=) ["']? [^\s:"'/@]{1,99}+ : (?!\d{1,9}\b)"""
)


def _options(text: str) -> Iterator[Span]:
    for found in _OPTION.finditer(text):
        if introduces_secret(found[1]):
            yield value_at(text, found.end())
    for found in _SHORT.finditer(text):
        if _COMMAND.search(text[max(0, found.start() - 200) : found.start()]):
            yield value_at(text, found.end())


# -- user:password@host; a password may contain @ or /, so it ends at the last @ of its word

_IN_URL = re.compile(r"://[^\s:/@?#]{0,200}+:(?=\S)|(?i:\bjdbc:oracle:\w{1,20}+:)[^\s/@]{1,99}+/(?=\S)")
_ORACLE = re.compile(
    r"""(?xi) \b (?:sqlplus|exp|imp|expdp|impdp|sqlldr|rman|connect|conn|userid) [ \t=]{1,3}+
    (?:-\w{1,10}+[ \t]{1,3}+|target[ \t]{1,3}+){0,5}+ ["']? [^\s/@"'=:]{1,99}+ / (?=[^\s/])"""
)
_DRIVER_USER = re.compile(r"(?<![\w.-])(?!mailto:)[\w.-]++:(?!//)(?=\S)")
_DRIVER = re.compile(r"@(?:tcp6?|unix|udp)\(")
_SHORT_FORM = re.compile(r"(?<![\w.-])(?!mailto:)[\w.-]++:(?!//)([^\s:/@]{1,200}+)(?=@[\w(\[])")
_EASY_CONNECT = re.compile(r"(?<![^\s\"'(=,：:])[A-Za-z_][\w$#]{0,60}+/([^\s/@]{1,200}+)(?=@(?://|[\w.-]{1,200}+:\d))")
_TO_QUOTE = re.compile(r"(\\*[\"'])[\w:+.-]{0,60}\Z")


def _userinfo(text: str) -> Iterator[Span]:
    for pattern in (_IN_URL, _ORACLE, _DRIVER_USER):
        at = 0
        while found := pattern.search(text, at):
            at = found.end()
            opened = _TO_QUOTE.search(text, max(0, found.start() - 80), found.start())
            close = text.find(opened[1], at) if opened else -1
            end = end_of_word(text, at, len(text) if close < 0 else close)
            last = text.rfind("@", at, end)
            if pattern is _DRIVER_USER:
                last = max((each.start() for each in _DRIVER.finditer(text, at, end)), default=-1)
            if last >= 0:
                yield at, last
            elif pattern is _ORACLE and not found[0].lower().startswith("con"):
                yield value_at(text, at)
            at = max(at, end if last < 0 else last)
    for pattern in (_SHORT_FORM, _EASY_CONNECT):
        for found in pattern.finditer(text):
            yield found.span(1)


# -- <password>X</password>, <name>password</name><value>X</value>, <password value="X"/>

_ELEMENT = re.compile(r"(?:<|&lt;)(?:[\w-]{1,60}+:)?([\w.-]{1,100}+)(\s[^<>&]{0,300}+)?(?:>|&gt;)")
_ELEMENT_END = re.compile(r"<(?!!)|&lt;|\]\]>")
_ATTRIBUTE = re.compile(r"""\bvalue\s{0,3}=\s{0,3}["']""")


def _elements(text: str) -> Iterator[Span]:
    is_next = False
    for found in _ELEMENT.finditer(text):
        at = found.end() + 9 * text.startswith("<![CDATA[", found.end())
        end = _ELEMENT_END.search(text, at)
        span = (at, end.start()) if end else value_at(text, at)
        if is_name_member(found[1]):
            is_next = span[1] - span[0] < MAX_DISTANCE and introduces_secret(text[slice(*span)].strip())
        elif introduces_secret(found[1]) or (is_next and (is_value_member(found[1]) or found[1] == "string")):
            is_next = False
            if text[slice(*span)].strip():
                yield span
            if attribute := _ATTRIBUTE.search(found[2] or ""):
                yield value_at(text, found.start(2) + attribute.end() - 1)


# -- tokens that are recognised by their form

_PEM = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{1,60}+-{4,5}")
_TOKEN = re.compile(
    r"""(?x) (?<![A-Za-z0-9_-]) (?: eyJ[\w=-]{8,}+(?:\.[\w=-]*+){1,4}+ | (?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}
    | gh[pousr]_[A-Za-z0-9_]{36,255}+ | github_pat_\w{22,255}+ | gl(?:pat|dt|ft|soat|rt|ptt|cbt)-[\w-]{20,64}+
    | xox[abposr]-(?:\d{1,20}+-)++[A-Za-z0-9]++ | SG\.[\w-]{22}\.[\w-]{43} | [rs]k_live_[0-9A-Za-z]{24,99}+
    | pypi-AgE[\w-]{50,}+ | npm_[A-Za-z0-9]{36} | sk-[\w-]{32,255}+ | sq0csp-[\w-]{43}
    | MI[IG][A-Za-z0-9+/]{60,}+=*+(?:(?:\\n|\r?\n)[A-Za-z0-9+/=]{20,}+)*+ )"""
)
_WEBHOOK = re.compile(
    r"hooks\.slack\.com/\w{1,20}+/|/api/webhooks/\d{5,25}+/|/open-apis/bot/v2/hook/|/webhookb2/|/bot(?=\d{5,12}+:)"
)
_BASIC = re.compile(r"\b[Bb]asic[ \t]{1,3}+([A-Za-z0-9+/]{8,400}+={0,2}+)(?![A-Za-z0-9+/=])")


def _pem(text: str) -> Iterator[Span]:
    at = 0
    while found := _PEM.search(text, at):
        end = text.find("-----END" if found[0].startswith("-----") else "---- END", found.end())
        at = len(text) if end < 0 else end
        yield found.end(), at


def _tokens(text: str) -> Iterator[Span]:
    for found in _TOKEN.finditer(text):
        yield found.span()


def _basic(text: str) -> Iterator[Span]:
    for found in _BASIC.finditer(text):
        if _is_user_and_password(found[1]):
            yield found.span(1)


def _is_user_and_password(text: str) -> bool:
    try:
        decoded = b64decode(text + "=" * (-len(text) % 4))
        return b":" in decoded and decoded.decode().isprintable()
    except ValueError:
        return False


def _may_hold_options(folded: str) -> bool:
    return "-" in folded and bool(_MAY_BE_OPTION.search(folded))


def _may_hold_user(folded: str) -> bool:
    if "@" in folded:
        return ":" in folded or "/" in folded
    return "/" in folded and _may_be_oracle(folded)


_MAY_BE_OPTION = re.compile(r"(?:\A|[\s\"'])-{1,2}[a-z]")
_may_be_oracle = mentions("sqlplus", "sqlldr", "exp", "imp", "rman", "userid")
_may_hold_token = mentions(
    "eyj", "a3t", "abia", "acca", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "gldt-", "glft-", "glsoat-", "glrt-", "glptt-", "glcbt-", "xox", "sg.", "k_live", "pypi-", "npm_", "sk-",
    "sq0csp", "mii", "mig",
)  # fmt: skip
_SPACED = tuple(f"{word} " for word in (*_WORDS.split("|"), "key", "credential", "credentials", "bearer"))

RULES: tuple[Rule, ...] = (
    (mentions(*_SPACED, "password(", chinese=True), _values_after(_IN_WORDS, _IN_CHINESE, _RANDOM, _QUOTED)),
    (mentions("login ", "requirepass", "masterauth"), _values_after(_ANY_WORD)),
    (mentions("identified", "replace "), _values_after(_IDENTIFIED)),
    (_may_hold_options, _options),
    (_may_hold_options, _values_after(_TOOLS)),
    (_may_hold_user, _userinfo),
    (mentions("<", "&lt;"), _elements),
    (mentions("---- begin", "-----begin"), _pem),
    (mentions("basic "), _basic),
    (mentions("hook", "/bot"), _values_after(_WEBHOOK)),
    (
        lambda folded: len(folded) >= 20 and _may_hold_token(folded),
        _tokens,
    ),
)  # fmt: skip
