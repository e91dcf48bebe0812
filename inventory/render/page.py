"""One self-contained page for people: no script but its own, nothing loaded, nothing sent, readable offline.

The page's policy allows its one script by hash, so that no markup of the data could run even if it were not
escaped; and `Markup` escapes all that is put into it.
"""

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

__all__ = ["page"]

_HERE = Path(__file__).parent
_FRAME = Markup(
    "<!doctype html>\n"
    '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
    "<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
    "<body>\n{body}\n<script>{script}</script>\n</body>\n</html>"
)


def page(title: str, body: Markup) -> Markup:
    """Return a page around a body that is markup already."""
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    # Both are our own files, and what they hold is not data.
    return _FRAME.format(policy=policy, title=title, style=Markup(style), body=body, script=Markup(script))  # noqa: S704
