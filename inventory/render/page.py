"""One self-contained page for people: no script but its own, nothing loaded, nothing sent, readable offline.

The page's policy allows its one script by hash, so that no markup of the data could run even if it were not
escaped; and `Markup` escapes all that is put into it. Data for the script is JSON in a block of its own.
"""

import base64
import hashlib
import json
from pathlib import Path

from markupsafe import Markup

from inventory.common.exact_json import Json

__all__ = ["json_block", "page"]

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
_FOOT = '@page {{ @bottom-left {{ content: "{}"; }} }}\n'
_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}  # what could end the block, or be taken for markup


def json_block(document: Json) -> Markup:
    """Return a block of JSON that the script reads: ASCII, and without a character that means something in HTML."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")).translate(_MARKUP)
    return Markup('<script type="application/json" id="data">{}</script>').format(Markup(text))  # noqa: S704


def page(title: str, body: Markup, foot: str = "") -> Markup:
    """Return a page around a body that is markup already.

    Args:
        foot: what stands at the foot of each printed page, in letters, digits, spaces and commas.
    """
    assert all(sign.isascii() and (sign.isalnum() or sign in " ,") for sign in foot)
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    style = (_HERE / "page.css").read_text(encoding="utf-8") + (_FOOT.format(foot) if foot else "")
    # Both are our own files, and what they hold is not data.
    return _FRAME.format(policy=policy, title=title, style=Markup(style), body=body, script=Markup(script))  # noqa: S704
