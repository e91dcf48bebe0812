"""Finds secrets in texts: in error messages, descriptions, URLs, command lines, SQL, and JSON or XML in a text.

A text comes from the service, and so do its size and what it holds: every pattern takes time that grows with the
size of the text alone. A repetition that may fail is bounded, or begins only where its token does.
"""

import re
from collections.abc import Iterator

from inventory.secret_forms import APART, FINDERS
from inventory.secret_names import CHINESE, HINTS, introduces_secret, is_name_member, is_value_member
from inventory.secret_values import BARE, OPENING, QUOTE, Span, value_at

__all__ = ["MASK", "mask_text"]

MASK = "***"
_STARS = re.compile(r"\**\Z")
_SHORTEST_TOKEN = 20  # characters
_ROUNDS = 4  # until nothing changes: two, unless a text was made to need more

# Most texts hold nothing to mask, and are told by a few searches for constants, the quickest that there is.
_HINTS = (*HINTS, "identified", "-----", "basic ", "login", "\\u003", "replace")
_TOKEN_HINTS = (
    "eyj", "a3t", "abia", "acca", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "gldt-", "glft-", "glsoat-", "glrt-", "glptt-", "glcbt-", "xox", "sg.", "k_live", "pypi-", "npm_", "sk-", "sq0csp",
    "mii", "mig", "hook",
)  # fmt: skip
_HINT_OF_KEYS = re.compile(r"[as]k[^\w\n]{0,4}[=:：＝%>]")
_HINT_OF_OPTIONS = re.compile(r"(?:\A|[\s\"'])-{1,2}[apuw]")
_HINT_OF_COMMANDS = re.compile("sqlplus|sqlldr|exp|imp|rman|userid|/bot")
_HINT_OF_CHINESE = re.compile(CHINESE)


def mask_text(text: str) -> str:
    """Return a text with ``***`` in the place of each secret; masking it again changes nothing."""
    if not _may_hold_one(text):
        return text
    for _ in range(_ROUNDS):
        masked = _without(text, sorted(span for find in _FINDERS for span in find(text)))
        if masked == text:
            break
        text = masked
    return text


def _may_hold_one(text: str) -> bool:
    folded = text.casefold()
    for hint in _HINTS:  # a loop: `any` takes twice as long
        if hint in folded:
            return True
    if len(text) >= _SHORTEST_TOKEN:
        for hint in _TOKEN_HINTS:
            if hint in folded:
                return True
    return bool(
        ("@" in text and (":" in text or "/" in text))
        or ("-" in text and _HINT_OF_OPTIONS.search(folded))
        or (("sk" in folded or "ak" in folded) and _HINT_OF_KEYS.search(folded))
        or ("/" in text and _HINT_OF_COMMANDS.search(folded))
        or (not text.isascii() and _HINT_OF_CHINESE.search(text))
    )


def _without(text: str, spans: list[Span]) -> str:
    pieces, done, at = [], 0, 0
    while at < len(spans):
        start, end = spans[at]
        at += 1
        while at < len(spans) and spans[at][0] < end:
            end = max(end, spans[at][1])
            at += 1
        if not _STARS.match(text[start:end]):
            pieces += [text[done:start], MASK]
            done = end
    return "".join([*pieces, text[done:]])


# -- NAME = VALUE, NAME: VALUE, "NAME": "VALUE", and their kin

_ASSIGNED = re.compile(
    rf"""(?x) (?<![\w.$-]) ([\w.$-]++) (?:{QUOTE}|[\])]){{0,3}}+ (?:[ ]?[(\[（][^()\[\]（）\n"'`]{{0,40}}+[)\]）])?+
    [ \t]{{0,9}}+ (?:::?=?|=>|-{{1,2}}>|={{1,3}}|[：＝﹕]|%(?:25)?3[aAdD]|\\{{1,15}}u003[aAdD])
    (?:[ \t]|%20|\\u0020){{0,9}}+ (?:(?:\r?\n|\\{{1,15}}n)[ \t]{{1,9}}+)?+"""
)
_BEFORE = re.compile(r"(?:[A-Za-z]{1,20} ){1,2}\Z")
_TAILS = frozenset(("key", "keys", "id", "phrase", "value", "text", "string", "hash", "code"))
_IN_QUERY = frozenset(("key", "sign", "auth", "ticket"))
_YES_OR_NO = re.compile(r"(?i)(?:yes|no)\b")


def _assigned(text: str) -> Iterator[Span]:
    at, named, held = 0, -1, (0, 0)
    while found := _ASSIGNED.search(text, at):
        at, name = found.end(), found[1].rstrip(".-")
        if _is_secret_here(text, found.start(), name):
            if name.lower() == "password" and _YES_OR_NO.match(text, at) and text[: found.start()].endswith("using "):
                continue  # MySQL tells whether one was given
            span = _header(text, found) or value_at(text, at)
            yield span
            at = max(at, span[1])
        elif is_value_member(name):
            held = value_at(text, at)
            if 0 <= found.start() - named < APART and named >= 0 and "}" not in text[named : found.start()]:
                yield held
        elif is_name_member(name):
            start, end = value_at(text, at)
            if end - start < APART and introduces_secret(text[start:end]):
                named = end
                if 0 < found.start() - held[1] < APART and "{" not in text[held[1] : found.start()]:
                    yield held


def _is_secret_here(text: str, start: int, name: str) -> bool:
    if introduces_secret(name):
        return True
    plain = name.lower()
    if plain in _IN_QUERY and start and text[start - 1] in "?&":
        return True
    before = _BEFORE.search(text, max(0, start - 42), start) if plain in _TAILS else None
    return before is not None and introduces_secret(before[0] + name)


_IN_A_LINE = re.compile(r"(?i)(?:(?:set-)?cookies?2?|(?:proxy-)?authori[sz]ation)\Z")
_LINE = re.compile(r"[^\r\n]*+")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|negotiate|ntlm|apikey|oauth)[ \t]++(?=\S)")
_OTHER_SCHEME = re.compile(r"(?i)[a-z][\w-]{1,30}+[ \t]++(?=\S)")


def _header(text: str, found: re.Match[str]) -> Span | None:
    """Return what stands behind Cookie or Authorization: the line, or up to the quote that opened before the name."""
    at, before = found.end(), text[found.start() - 1 : found.start()]
    line = _LINE.match(text, at)
    if not _IN_A_LINE.match(found[1]) or OPENING.match(text, at) or line is None:
        return None
    end = line.end()
    if before and before in "\"'" and (close := text.find(before, at, end)) >= 0:
        end = close
    if "cookie" in found[1].lower():
        return at, end
    if scheme := _SCHEME.match(text, at, end):
        bare = BARE.match(text, scheme.end(), end)
        return scheme.end(), bare.end() if bare else scheme.end()
    scheme = _OTHER_SCHEME.match(text, at, end)
    return scheme.end() if scheme else at, end


_FINDERS = (_assigned, *FINDERS)
