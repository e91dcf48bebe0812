"""What surrounds a release: the lowest versions, the bill of materials and known weaknesses.

``python -m tests lowest sbom audit`` runs these. They need a package index, so no other check waits for them.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from inventory import __version__

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "tests/constraints.txt"
LOWEST = ROOT / "tests/lowest.txt"
EXTRAS = "otel,postgresql,signing,socks,xlsx"  # what a user can add
SBOM = ROOT / "dist" / f"drs_inventory-{__version__}.cdx.json"
# Together they use every library, and each database.
SMOKE = ["run", "diff", "query", "store", "postgresql", "page", "metrics", "configuration", "log", "retry", "signing"]
SMOKE += ["proxy", "tls", "lock", "telemetry"]


def environment(folder: Path, constraints: Path, *wanted: str | Path) -> Path:
    """Make a virtual environment, let the pip of the tests install there, and return its Python."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, "-c", str(constraints), *map(str, wanted)], cwd=ROOT, check=True)
    return python


def describe_environment(python: Path) -> str:
    """Return the bill of materials (CycloneDX) of what is installed beside a Python, without any address."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), str(python)]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for component in (*made["components"], *made["metadata"]["tools"]["components"]):
        component.pop("externalReferences", None)  # pages for donations, chats, and the index
    made["metadata"]["component"] |= {"version": __version__, "purl": f"pkg:pypi/drs-inventory@{__version__}"}
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def _remedy(versions: list[str]) -> str:
    return f"corrected in {', '.join(versions)}" if versions else "not yet corrected"


def judge(answer: str) -> tuple[int, str]:
    """Return the exit code and the text for what pip-audit printed as JSON."""
    if not answer.strip():
        return 0, "skipped: audit: the data of pip-audit is not reachable"
    packages = json.loads(answer)["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        return 0, "skipped: audit: this package index has no data about weaknesses"
    count = len(packages) - len(unknown)
    lines = [f"{count} package{'' if count == 1 else 's'} looked up"]
    lines += [f"not looked up: {', '.join(unknown)}"] if unknown else []
    weak = [
        f"{package['name']} {package['version']}: {each['id']}, {_remedy(each['fix_versions'])}"
        for package in packages
        for each in package.get("vulns", [])
    ]
    return int(bool(weak)), "\n".join([*lines, *(weak or ["no known weakness"])])


def index_is_reachable(folder: Path) -> bool:
    """Say whether pip can download a small package."""
    command = [sys.executable, "-m", "pip", "--retries", "0", "--timeout", "20", "download", "--quiet"]
    command += ["--no-cache-dir", "--no-deps", "--dest", str(folder / "downloads"), "iniconfig"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def lowest(folder: Path) -> int:
    """Run a part of the tests with the lowest version of each direct dependency."""
    python = environment(folder / "venv", LOWEST, "-e", ".[test]")
    files = [f"tests/test_{name}.py" for name in SMOKE]
    command = [str(python), "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-m", "not soak", *files]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def sbom(folder: Path) -> int:
    """Build the wheel, install it with every extra and write what was installed to dist/."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    python = environment(folder / "venv", CONSTRAINTS, f"{wheel}[{EXTRAS}]")
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(describe_environment(python))
    print(f"wrote {SBOM.relative_to(ROOT)}")  # noqa: T201
    return 0


def audit(folder: Path) -> int:
    """Look up known weaknesses of every version in constraints.txt."""
    python = environment(folder / "venv", CONSTRAINTS, "pip-audit>=2.10")
    command = [str(python), "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "20"]
    command += ["--disable-pip", "--no-deps", "-r", str(CONSTRAINTS)]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    code, text = judge(found.stdout)
    print(text)  # noqa: T201
    return code


PARTS: dict[str, Callable[[Path], int]] = {"lowest": lowest, "sbom": sbom, "audit": audit}


def main(part: str) -> int:
    """Run a part, or say that it is skipped where there is no package index."""
    with tempfile.TemporaryDirectory() as folder:
        if not index_is_reachable(Path(folder)):
            print(f"skipped: {part}: no package index is reachable")  # noqa: T201
            return 0
        return PARTS[part](Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
