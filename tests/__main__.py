"""All the checks, in the order of how soon they answer: ``python -m tests``."""

import subprocess
import sys

CHECKS = (
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["pytest", "-n", "auto", "--dist", "worksteal"],  # tests differ in length
)


def main() -> int:
    """Run every check and fail at the first that does."""
    for check in CHECKS:
        print("$ python -m", *check, flush=True)  # noqa: T201
        code = subprocess.run([sys.executable, "-m", *check], check=False).returncode
        if code:
            return code
    return 0


sys.exit(main())
