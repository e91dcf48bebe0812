"""The error messages by topic. Text, exit code and most remedies come from the code; causes are written on the page.

A cause is kept for as long as its message is the same, and so is the remedy of a message that has none in the code.
"""

from tests.conftest import ROOT
from tests.docs.markdown import code, joined, rows_of, table
from tests.docs.messages import Message, messages

__all__ = ["OPEN", "part"]

PAGE = ROOT / "docs/reference/errors.md"
OPEN = "TO BE WRITTEN"
HEAD = ("message", "exit", "cause", "what to do")
# Heading -> the modules whose messages stand there; the first that fits counts.
TOPICS = {
    "Configuration": "config/convert config/keys config/reader config/sources config/yaml config/load config/endpoints"
    " config/job_ids",
    "Signing in": "config/credentials config/logins source/auth",
    "Network": "source/http source/client source/live",
    "Export": "export/ common/ normalise/ cli/export config/shard store/lock store/writer store/base",
    "Recordings": "config/recordings source/record source/replay",
    "Database": "config/database_url store/ cli/db cli/sources",
    "Comparing and showing": "diff/ render/estate",
    "Checks": "report/checks cli/check",
    "Queries and reports": "report/ cli/query cli/page render/result",
    "Signatures and bundles": "proof/ render/bundle cli/verify cli/bundle",
    "Other commands": "cli/ config/",
}


def part() -> str:
    """Return a table for each topic."""
    kept = {row[0]: row[2:] for row in rows_of(PAGE.read_text()) if len(row) == len(HEAD)}
    by_topic: dict[str, list[Message]] = {topic: [] for topic in TOPICS}
    for each in messages():
        by_topic[_topic(each.module)].append(each)
    lines = []
    for topic, found in by_topic.items():
        rows = [(code(each.text), each.code, each.remedy) for each in found]
        lines += [f"## {topic}", "", *table(HEAD, [(*row[:2], "", row[2]) for row in rows]), ""]
    return joined(_with_causes(line, kept) for line in lines)


def _with_causes(line: str, kept: dict[str, list[str]]) -> str:
    cells = next(iter(rows_of(line)), [])
    if len(cells) != len(HEAD) or cells[0] == HEAD[0]:
        return line
    message, exit_code, _, remedy = cells
    cause, last_remedy = kept.get(message, [OPEN, OPEN])
    return f"| {message} | {exit_code} | {cause or OPEN} | {remedy or last_remedy or OPEN} |"


def _topic(module: str) -> str:
    return next(
        topic for topic, modules in TOPICS.items() if module.removeprefix("inventory/").startswith((*modules.split(),))
    )
