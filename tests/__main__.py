"""All the checks, the quickest first: ``python -m tests --help``."""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence

LINT = [["ruff", "check", "."], ["ruff", "format", "--check", "."]]
TYPES = [["mypy"]]
PYTEST = ["pytest", "-n", "auto", "--dist", "worksteal"]  # tests differ in length
QUICK = ["-m", "not soak"]
PARTS = {"lint": LINT, "types": TYPES, "tests": [PYTEST]}
BY_NAME = {name: [["tests.supply", name]] for name in ("lowest", "sbom", "audit")}  # run only where they are named
ABOUT = """\
parts, each with the time that it takes at most on two idle cores:
  lint    ruff check and ruff format, 1 s
  types   mypy, 30 s (3 s when little has changed)
  tests   pytest with real HTTP servers, SQLite and a real PostgreSQL, 9 min; with --soak 11 min

without parts, these three run, in this order, up to the first that fails.

parts that run only where they are named, because they need a package index (without one they are skipped):
  lowest  a part of the tests with the lowest version of each direct dependency (tests/lowest.txt), 3 min
  sbom    writes the bill of materials of the wheel and its extras to dist/ (CycloneDX), 15 s
  audit   looks up known weaknesses of the versions in tests/constraints.txt with pip-audit, 30 s

--soak adds the tests that are long or random: kills and alterations at random places, restarts, each
fault with worker processes, and more examples of property tests. They are marked with @pytest.mark.soak;
`pytest` by itself runs them too. A random test that fails prints its INVENTORY_SEED, which repeats it.

one file, one test, one part:
  .venv/bin/pytest tests/test_diff.py
  .venv/bin/pytest tests/test_diff.py -k filters -x
  .venv/bin/python -m tests types

skipped where something is missing: Chromium (HTML in a browser), PgBouncer (pools), OpenSSL (a TLS
certificate), systemd-analyze, promtool and actionlint (samples for deployment), Linux (processes and
threads in /proc), root (a full disk) or no root (file rights).
`pytest -rs` names each with its reason.

not a check: `python -m tests.bench.speed --all` measures the speed (10 min; `pip install -e '.[test,bench]'`).
"""


def chosen(arguments: Sequence[str] | None = None) -> list[list[str]]:
    """Return the checks that a command line asks for, in order."""
    parts = PARTS | BY_NAME
    parser = argparse.ArgumentParser(
        prog="python -m tests",
        description="Runs the checks of the project.",
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--soak", action="store_true", help="run the long and random tests too")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.parts) - set(parts))
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}: choose from {', '.join(parts)}")
    checks = [check for name in parts if name in (options.parts or PARTS) for check in parts[name]]
    return checks if options.soak else [[*check, *(QUICK if check is PYTEST else [])] for check in checks]


def main() -> int:
    """Run the checks and stop at the first that fails."""
    for check in chosen():
        print("$ python -m", shlex.join(check), flush=True)  # noqa: T201
        code = subprocess.run([sys.executable, "-m", *check], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
