"""Finds the end of a value in a text: quoted in one of many ways, in brackets, in a block of lines, or bare.

In doubt a value is too long rather than too short. Each pattern takes linear time: possessive repetitions (``++``) do
not backtrack.
"""

import re

__all__ = ["OPENING", "QUOTE", "Span", "end_of_word", "value_at"]

Span = tuple[int, int]

# Plain; escaped in JSON at any depth; in XML; in a URL; as in Java's Gson; full width.
QUOTE = r"""(?:\\{0,15}["'`]|&(?:quot|apos|\#0?3[49]|\#x2[27]);|%(?:25)?2[27]|\\{1,15}u002[27]|[“”‘’「」『』])"""
OPENING = re.compile(rf"[NnEeUuBbRrXx@]?({QUOTE})")
_PAIRS = {"“": "”", "‘": "’", "「": "」", "『": "』"}
_PLAIN = {
    '"': re.compile(r'(?:[^"\\]++|\\.|"")*+', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]++|\\.|'')*+", re.DOTALL),
    "`": re.compile(r"[^`]*+"),
}
_ESCAPED = re.compile(r"\\++.?", re.DOTALL)

_END = r"""[\s&;"'`，。；、！？）】」』》”’]|%(?:25)?(?:26|3[bB]|20|0[aAdD]|2[27])|\\{1,15}(?:u002[267]|["'])|</"""
_BARE = re.compile(rf"""(?:[^\s&;"'`，。；、！？）】」』》”’%\\<]++|(?!{_END}).)++""", re.DOTALL)
_TRAILING = ",.)]}>:"
_NOTHING = re.compile(r"(?i)(?:null|none|nil|undefined|true|false|empty|[(<](?:null|none|empty)[)>])[,.)\]}]*\Z")

_OPENS = re.compile(r"[\[{(]|\w{1,40}\(\s{0,9}[\"']")
_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}()]', re.DOTALL)
_BLOCK = re.compile(r"[|>][-+0-9]{0,2}[ \t]*+\r?\n[ \t]++([^\n]*+(?:\n[ \t]++[^\n]*+)*+)")  # of YAML
_GAP = re.compile(r"\s")


def value_at(text: str, at: int) -> Span:
    """Return the span of the value that begins at `at`, without its quotes; an empty span if there is none."""
    if opening := OPENING.match(text, at):
        return opening.end(), _closing(text, opening.end(), opening[1])
    if block := _BLOCK.match(text, at):
        return block.span(1)
    least = _balanced(text, at) if _OPENS.match(text, at) else at
    bare = _BARE.match(text, least)
    end = bare.end() if bare else least
    if _NOTHING.match(text, at, end):
        return at, at
    while end > least and text[end - 1] in _TRAILING:
        end -= 1
    return at, end


def end_of_word(text: str, at: int, end: int) -> int:
    """Return the position of the next white space, but at most `end`."""
    found = _GAP.search(text, at, end)
    return found.start() if found else end


def _closing(text: str, at: int, quote: str) -> int:
    """Return the end of a quoted value; the end of the text if the quote is not closed."""
    if quote in _PLAIN:
        found = _PLAIN[quote].match(text, at)
        return found.end() if found else at
    if quote[0] == "\\" and quote[-1] in "\"'`":  # with more or fewer backslashes it is inside the value
        ends = (found.start() for found in _ESCAPED.finditer(text, at) if found[0] == quote)
        return next(ends, len(text))
    end = text.find(_PAIRS.get(quote, quote), at)
    return len(text) if end < 0 else end


def _balanced(text: str, at: int) -> int:
    """Return the end of the bracket that opens at `at`; the end of the text if it is not closed."""
    depth = 0
    for found in _BRACKET.finditer(text, at):
        if found[0][0] == '"':
            continue
        depth += 1 if found[0] in "[{(" else -1
        if depth == 0:
            return found.end()
    return len(text)
