"""Writes the pages and pictures that are made from the code: ``python -m tests.docs``."""

from tests.conftest import ROOT
from tests.docs.generated import PAGES, PARTS, PICTURES, made

for path in (*PAGES, *PARTS, *PICTURES):
    (ROOT / "docs" / path).write_text(made(path))
