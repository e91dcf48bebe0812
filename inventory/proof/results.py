"""The digest of what a rule came to on a snapshot; it covers that of the run before (docs/reference/digests.md).

row   SHA-256 of canonical JSON {"detail", "job_id", "key"}.
run   SHA-256 over lines, a line feed after each: 'inventory check run', the digest of the rule's run before on the
      source (empty for the first), the snapshot's digest, the rule's id, the rule's digest, the time that was `:now`
      (RFC 3339), the status, the reason (empty if there is none), and the hex digests of its rows, sorted.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from inventory.common.exact_json import canonical
from inventory.proof.digest import sha256
from inventory.schema.kinds import rfc3339

__all__ = ["digest_of_texts", "result_text", "run_digest"]


def run_digest(run: Mapping[str, Any], snapshot_digest: str, rows: Iterable[tuple[str, str, str]]) -> str:
    """Return the digest of a run, in hex.

    Args:
        run: columns of `check_runs`. rows: job id, key and detail of each result.
    """
    texts = (result_text(*row) for row in rows)
    return digest_of_texts({**run, "as_of": rfc3339(run["as_of"])}, snapshot_digest, texts)


def result_text(job_id: str, key: str, detail: str) -> str:
    """Return the text that the digest of a row is computed from."""
    return canonical({"detail": detail, "job_id": job_id, "key": key})


def digest_of_texts(run: Mapping[str, Any], snapshot_digest: str, texts: Iterable[str]) -> str:
    """Return the digest of a run whose time is a text, and whose rows are the texts that their digests are over."""
    lines = (
        "inventory check run", run["previous_digest"] or "", snapshot_digest, run["rule_id"], run["rule_digest"],
        run["as_of"], run["status"], run["reason"] or "", *sorted(map(sha256, texts)),
    )  # fmt: skip
    return sha256("".join(f"{line}\n" for line in lines))
