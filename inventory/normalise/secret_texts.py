"""Finds secrets in texts: in error messages, descriptions, URLs, command lines, SQL, and JSON or XML in a text.

Texts come from the service and can have any size and content. So every pattern takes linear time: a repetition that
may fail has a limit, or begins only at the start of a token.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from inventory.common.masks import MASK
from inventory.normalise.secret_forms import MAX_DISTANCE, RULES, mentions
from inventory.normalise.secret_names import HINTS, introduces_secret, role_of
from inventory.normalise.secret_values import OPENING, QUOTE, Span, value_at

__all__ = ["mask_text"]

_STARS = re.compile(r"\**\Z")
_SHORT = 80  # characters
_ROUNDS = 4  # repeated until nothing changes; only a specially made text needs more than two
_AK_OR_SK = re.compile(r"[as]k[^\w\n]{0,4}[=:：＝%>]")


def mask_text(text: str) -> str:
    """Return a text with ``***`` in place of each secret. Idempotent."""
    return _mask_cached(text) if len(text) <= _SHORT else _mask(text)


@lru_cache(maxsize=4096)
def _mask_cached(text: str) -> str:
    """Cache the results of short texts: values of tags and conditions repeat in many jobs."""
    return _mask(text)


def _mask(text: str) -> str:
    folded = text.casefold()
    rules = [find for may_find, find in _RULES if may_find(folded)]
    for _ in range(_ROUNDS if rules else 0):
        masked = _replace_spans(text, sorted(span for find in rules for span in find(text)))
        if masked == text:
            break
        text = masked
    return text


def _replace_spans(text: str, spans: list[Span]) -> str:
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


# -- NAME = VALUE, NAME: VALUE, "NAME": "VALUE", and similar

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
        role = role_of(name)
        if role == "secret" or _is_secret_here(text, found.start(), name):
            if name.lower() == "password" and _YES_OR_NO.match(text, at) and text[: found.start()].endswith("using "):
                continue  # MySQL: "using password: YES"
            span = _header(text, found) or value_at(text, at)
            yield span
            at = max(at, span[1])
        elif role == "value":
            held = value_at(text, at)
            if 0 <= found.start() - named < MAX_DISTANCE and named >= 0 and "}" not in text[named : found.start()]:
                yield held
        elif role == "name":
            start, end = value_at(text, at)
            if end - start < MAX_DISTANCE and introduces_secret(text[start:end]):
                named = end
                if 0 < found.start() - held[1] < MAX_DISTANCE and "{" not in text[held[1] : found.start()]:
                    yield held


def _is_secret_here(text: str, start: int, name: str) -> bool:
    plain = name.lower()
    if plain in _IN_QUERY and start and text[start - 1] in "?&":
        return True
    before = _BEFORE.search(text, max(0, start - 42), start) if plain in _TAILS else None
    return before is not None and introduces_secret(before[0] + name)


_IN_A_LINE = re.compile(r"(?i)(?:(?:set-)?cookies?2?|(?:proxy-)?authori[sz]ation)\Z")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|negotiate|ntlm|apikey|oauth)[ \t]++(?=\S)")
_OTHER_SCHEME = re.compile(r"(?i)[a-z][\w-]{1,30}+[ \t]++(?=\S)")


def _header(text: str, found: re.Match[str]) -> Span | None:
    """Return the value after Cookie or Authorization: the rest of the line, or up to a quote opened before the name."""
    at = found.end()
    if not _IN_A_LINE.match(found[1]) or OPENING.match(text, at):
        return None
    if "cookie" not in found[1].lower():
        if scheme := _SCHEME.match(text, at):
            return value_at(text, scheme.end())
        if scheme := _OTHER_SCHEME.match(text, at):
            at = scheme.end()
    before = text[max(0, found.start() - 1) : found.start()]
    close = text.find(before, at) if before and before in "\"'" else -1
    line = text.find("\n", at, len(text) if close < 0 else close)
    if line < 0:
        line = len(text) if close < 0 else close
    return at, line


_may_hold_a_name = mentions(*HINTS, chinese=True)


def _may_assign(folded: str) -> bool:
    return _may_hold_a_name(folded) or (("sk" in folded or "ak" in folded) and bool(_AK_OR_SK.search(folded)))


_RULES = ((_may_assign, _assigned), *RULES)
