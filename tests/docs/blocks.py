"""What a page has to be run: its blocks of commands, SQL and files, and the comments that say how.

A block of `console` has commands after `$ ` (`> ` continues one) and what each prints; `sql` is one query of the
database in the folder, `text` after it or after `sh` is what that prints; a block with `title="FILE"` is a file. Other
blocks are not run. `...` in what is printed stands for anything. Comments of HTML, each on lines of its own:

    <!--- skip: next "why" -->      the next block is not run
    <!--- with: account REGION -->  a service for that region is there from here on, found by variables
    <!--- with: postgresql -->      a PostgreSQL database is there, by INVENTORY_DATABASE_URL; psql is found
    <!--- night -->                 a night passes at the service
    <!--- run: COMMAND -->          a command that readers do not see
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["Block", "blocks_of"]

COMMENT = re.compile(r"<!---\s*(skip|with|night|run)(?::\s*(.*?))?\s*-->", re.DOTALL)
TITLE = re.compile(r'\btitle="([^"]+)"')
RUN = ("console", "sh", "sql")


@dataclass(frozen=True)
class Block:
    """One thing to do: kind is `console`, `sh`, `sql`, `file`, `with`, `night` or `run`.

    text: the commands, with what `console` has of their output; the file's text. name: of a file. printed: what `sh`
    and `sql` print, if the page says. line: where its text begins, from 1. indent: before each of its lines.
    """

    kind: str
    text: str
    line: int
    name: str = ""
    printed: str | None = None
    indent: str = ""


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield what a page has to be run, in its order."""
    source = page.read_text()
    lines = source.splitlines()
    tokens = [token for token in MarkdownIt().parse(source) if token.type in {"fence", "html_block"}]
    is_skipped = False
    for number, token in enumerate(tokens):
        assert token.map is not None
        if token.type == "html_block":
            for comment in COMMENT.finditer(token.content):
                kind, words = comment[1], comment[2] or ""
                if kind == "skip":
                    assert re.fullmatch(r'next ".+"', words), f'{page.name}:{token.map[0] + 1}: say: skip: next "why"'
                    is_skipped = True
                else:
                    yield Block(kind, words, token.map[0] + 1)
            continue
        if not is_skipped and (block := _fence(token, tokens[number + 1 : number + 2], lines)) is not None:
            yield block
        is_skipped = False


def _fence(token: Token, following: list[Token], lines: list[str]) -> Block | None:
    assert token.map is not None
    opening = lines[token.map[0]]
    indent = opening[: len(opening) - len(opening.lstrip())]
    language, _, rest = token.info.strip().partition(" ")
    title = TITLE.search(rest)
    if title is not None:
        return Block("file", token.content, token.map[0] + 2, title[1], indent=indent)
    if language not in RUN:
        return None
    printed = None
    if language != "console" and following and following[0].info.strip() == "text":
        after = following[0]
        assert after.map is not None
        between = lines[token.map[1] : after.map[0]]
        printed = after.content if not "".join(between).strip() else None
    return Block(language, token.content, token.map[0] + 2, printed=printed, indent=indent)
