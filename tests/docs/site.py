"""A hook of MkDocs: the site has the files for deployment too, so that links to them lead somewhere."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

SAMPLES = Path(__file__).parent.parent.parent / "samples" / "deploy"
LINK = re.compile(r"\]\((?:\.\./)+samples/deploy/?([^)]*)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the files under deploy/; their README is a page."""
    for path in sorted(path for path in SAMPLES.rglob("*") if path.is_file()):
        name = f"deploy/{path.relative_to(SAMPLES).as_posix()}"
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Turn links to the files of a clone into links within the site; a folder is the page that names its files."""
    return LINK.sub(lambda link: f"](../deploy/{link[1] if (SAMPLES / link[1]).is_file() else 'README.md'})", markdown)
