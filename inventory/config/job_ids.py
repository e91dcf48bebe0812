"""Lists of job ids: one id a line, and a check for lines that are certainly not ids.

An id that does not exist is only reported as absent. So quotes, commas, a heading or the output of a program that
failed are refused here, with the line number.
"""

import re
from collections.abc import Iterable, Iterator

__all__ = ["numbered", "why_no_id"]

MAX_LENGTH = 120  # characters; the service's ids have 36

_COMMENT = re.compile(r"(\A|\s)#.*", re.DOTALL)
# Column headings, and what programs print for an empty value.
_WORDS = "all|ids?|jobs?|job[ _-]?ids?|uuids?|name|null|none|nil|nan|undefined|true|false"
_WRONG = (
    (re.compile(r"[\[\]{}()<>]"), "it has a bracket; a list of ids is plain text, not JSON"),
    (
        re.compile("[\"'`\u00ab\u00bb\u2018-\u201f\u2032\u2033\u2039\u203a\u300c-\u300f\uff02\uff07]"),
        "quotes around it? Write the id alone",
    ),
    (re.compile(r"[,;|\uff0c\uff1b\u3001]"), "it has a comma or another separator; write one id a line"),
    (re.compile(rf"\A({_WORDS})\Z", re.IGNORECASE), "a heading, or the output of a program that found nothing?"),
    (re.compile(r"\s"), "it has a space inside"),
    (re.compile(r"#"), "a comment needs a space before its #"),
    (re.compile(r"\A[\W_]*\Z"), "it has no letter and no digit"),
    (re.compile(rf".{{{MAX_LENGTH + 1}}}"), f"it has more than {MAX_LENGTH} characters"),
)


def numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, without empty lines and comments (# after a space or at the start)."""
    for number, line in enumerate(lines, 1):
        text = _COMMENT.sub("", line.removeprefix("\ufeff") if number == 1 else line).strip()
        if text:
            yield number, text


def why_no_id(text: str) -> str | None:
    """Return why a text is certainly not a job id; None if it may be one."""
    why = next((why for pattern, why in _WRONG if pattern.search(text)), None)
    return why if why or text.isprintable() else "it has a character that cannot be seen"
