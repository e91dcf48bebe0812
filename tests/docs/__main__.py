"""Writes the pages that are made from the code: ``python -m tests.docs``."""

from tests.conftest import ROOT
from tests.docs.generated import HEAD, PAGES

for path, made in PAGES.items():
    (ROOT / "docs" / path).write_text(HEAD + made())
