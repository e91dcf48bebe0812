"""What tests of recordings share: what a database holds, what a recording holds, and the replay of one."""

import gzip
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.live import Export


def written(database: Path) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the snapshots, and every row below them, as they stand in an SQLite file."""
    own = {"started_at", "finished_at", "observed_from", "observed_to", "run_id", "digest", "previous_digest"}
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        snapshots = [dict(row) for row in connection.execute("SELECT * FROM snapshots ORDER BY id")]
        rows = [
            (table, *row)
            for table in ("jobs", "job_listings", "findings", "jobs_history", "findings_history")
            for row in connection.execute(f"SELECT * FROM {table}")
        ]
    return [{k: v for k, v in row.items() if k not in own} for row in snapshots], sorted(rows, key=repr)


def unpacked(folder: Path) -> bytes:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return b"".join(gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in files)


def replay(export: Export, *folders: str, code: int = 0, **top: Any) -> "subprocess.CompletedProcess[str]":
    """Replay recordings into a database of its own."""
    source = {"name": "live", "replay": list(folders)}
    (export.folder / "r.yaml").write_text(json.dumps({"database": "sqlite:///r.db", "sources": [source], **top}))
    done = export.inventory("--config", "r.yaml", "export", INVENTORY_FINGERPRINT_KEY="k" * 32)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done
