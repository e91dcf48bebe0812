"""The digest of what a rule found on a snapshot (docs/reference/digests.md).

row   SHA-256 of canonical JSON {"detail", "job_id", "key"}.
run   SHA-256 over lines, a line feed after each: 'inventory check run', the snapshot's digest, the rule's id, the
      rule's digest, the time that was `:now` (RFC 3339), and the hex digests of its rows, sorted.
"""

from collections.abc import Iterable
from datetime import datetime

from inventory.common.exact_json import canonical
from inventory.proof.digest import sha256
from inventory.schema.kinds import rfc3339

__all__ = ["digest_of_texts", "result_text", "run_digest"]


def run_digest(
    snapshot_digest: str, rule_id: str, rule_digest: str, as_of: datetime, rows: Iterable[tuple[str, str, str]]
) -> str:
    """Return the digest of a run, in hex.

    Args:
        rows: job id, key and detail of each.
    """
    texts = (result_text(*row) for row in rows)
    return digest_of_texts(snapshot_digest, rule_id, rule_digest, rfc3339(as_of), texts)


def result_text(job_id: str, key: str, detail: str) -> str:
    """Return the text that the digest of a row is computed from."""
    return canonical({"detail": detail, "job_id": job_id, "key": key})


def digest_of_texts(
    snapshot_digest: str, rule_id: str, rule_digest: str, as_of: str, texts: Iterable[str]
) -> str:  # fmt: skip
    """Return the digest of a run whose rows are given as the texts that their digests are computed from."""
    lines = ("inventory check run", snapshot_digest, rule_id, rule_digest, as_of, *sorted(map(sha256, texts)))
    return sha256("".join(f"{line}\n" for line in lines))
