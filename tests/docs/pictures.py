"""Pictures of the page of `inventory report`, in light and in dark: ``python -m tests.docs.pictures`` (needs Chromium).

Two invented projects with sixty jobs, over twelve nights, and the parts of the page that are charts. Writes
docs/images/report-light.png and report-dark.png; `pngquant` makes them smaller where it is installed.
"""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from inventory.common.exact_json import Json
from inventory.mock import make_estate
from inventory.mock.nights import evolve
from tests.browser import CHROMIUM, Browser
from tests.conftest import ROOT
from tests.nights import Night, record

__all__ = ["main"]

IMAGES = ROOT / "docs" / "images"
NIGHTS = 12
PROJECTS = {"prod-north": (44, 5), "prod-south": (16, 8)}  # jobs, seed
MISSED = ("prod-south", 9)
WIDTH = 1280
LAST = "#status"  # the picture ends below it
LEFT_OUT = "#checks, #changes figure + figure"  # tables, and a chart that needs to be explained
APPLICATIONS = ("orders", "payments", "loyalty", "billing", "shipping", "ledger", "catalogue", "crm")
OWNERS = ("payments", "shop", "data-platform", "finance", None)
FOLLOWING = {
    "CREATING": "FULL_TRANSFER_STARTED",
    "FULL_TRANSFER_STARTED": "INCRE_TRANSFER_STARTED",
    "INCRE_TRANSFER_FAILED": "INCRE_TRANSFER_STARTED",
    "PAUSING": "RELEASE_RESOURCE_COMPLETE",
    "INCRE_TRANSFER_STARTED": "PAUSING",
}
# The mock's jobs have a little of everything; these rules would find something in nearly each of them.
SKIPPED = ["DRS-002", "DRS-003", "DRS-010", "DRS-011", "DRS-013", "DRS-015"]


def main() -> None:
    """Write both pictures."""
    if CHROMIUM is None:
        sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Browser() as browser:
        page = _page(Path(folder))
        for scheme in ("light", "dark"):
            browser.screen(WIDTH, scheme=scheme)
            browser.send("Emulation.setScrollbarsHidden", hidden=True)
            browser.open(page)
            browser.run(f"document.querySelectorAll({json.dumps(LEFT_OUT)}).forEach(each => each.remove())")
            height = browser.run(f"document.querySelector({json.dumps(LAST)}).getBoundingClientRect().bottom")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": round(height) + 12, "scale": 1}
            taken = browser.send("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
            file = IMAGES / f"report-{scheme}.png"
            file.write_bytes(base64.b64decode(taken["data"]))
            if (tool := shutil.which("pngquant")) is not None:
                subprocess.run([tool, "--force", "--strip", "--output", file, "64", file], check=True)


def _page(folder: Path) -> Path:
    """Record the nights, export and check each, and write the report."""
    recorded: dict[str, list[str]] = {name: [] for name in PROJECTS}
    estates = {name: _estate(*size) for name, size in PROJECTS.items()}
    for night in range(1, NIGHTS + 1):
        for name, estate in estates.items():
            before = set(estate)
            if night > 1:
                estates[name] = _next(estate, night, PROJECTS[name][1])
            if (name, night) != MISSED:
                record(folder / name / str(night), estates[name], night, before - set(estates[name]))
                recorded[name].append(f"{name}/{night}")
        sources = [{"name": name, "replay": nights} for name, nights in recorded.items()]
        (folder / "inventory.yaml").write_text(json.dumps({"sources": sources, "check": {"skip": SKIPPED}}))
        _inventory(folder, "export")
        _inventory(folder, "check", "--now", f"2026-11-{night:02}T02:00:00Z")
    _inventory(folder, "report", "--title", "DRS estate", "-o", "report.html")
    return folder / "report.html"


def _estate(jobs: int, seed: int) -> Night:
    """Return an estate most of whose jobs replicate, with names and owners as people give them."""
    estate = make_estate(jobs, seed)
    for number, job in enumerate(estate.values()):
        _name(job, number)
        if number % 7:
            job["status"] = "INCRE_TRANSFER_STARTED"
    return estate


def _next(estate: Night, night: int, seed: int) -> Night:
    """Return the estate of the next night; where the mock rolled a status, one that follows in life."""
    evolved = evolve(estate, night, seed, share=0.04)
    for number, (job_id, job) in enumerate(evolved.items()):
        if job_id not in estate:
            _name(job, night + number)
            job["status"] = "CREATING"
        elif job["status"] != estate[job_id]["status"]:
            follows = FOLLOWING.get(estate[job_id]["status"], "INCRE_TRANSFER_STARTED")
            job["status"] = "INCRE_TRANSFER_FAILED" if follows == "PAUSING" and number % 3 == 0 else follows
        elif job["status"] in {"CREATING", "FULL_TRANSFER_STARTED"}:
            evolved[job_id] = job | {"status": FOLLOWING[job["status"]]}
    return evolved


def _name(job: dict[str, Json], number: int) -> None:
    job["name"] = f"{APPLICATIONS[number % len(APPLICATIONS)]}-{job['name'].removeprefix('DRS-').lower()}"
    owner = OWNERS[number % len(OWNERS)]
    job["tags"] = [{"key": "owner", "value": owner}] if owner else []
    job.pop("period_order", None)


def _inventory(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inventory", "-q", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 3}, done.stdout + done.stderr


if __name__ == "__main__":
    main()
