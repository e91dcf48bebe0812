"""One self-contained page for people: nothing loaded, nothing sent, readable offline.

Head, policy, style and footer of all pages stand once, in `templates/`. The policy allows a page's one script by hash,
and none where it has none, so that no markup of the data could run even if it were not escaped; and the templates
escape all that is put into them. Data for a script is JSON in a block of its own.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from inventory import __version__
from inventory.common.exact_json import Json

__all__ = ["json_block", "page"]

_HERE = Path(__file__).parent / "templates"
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE, encoding="utf-8"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_FOOT = '@page {{ @bottom-left {{ content: "{}"; }} }}\n'
_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}  # what could end the block, or be taken for markup


def json_block(document: Json) -> Markup:
    """Return a block of JSON that the script reads: ASCII, and without a character that means something in HTML."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")).translate(_MARKUP)
    return Markup('<script type="application/json" id="data">{}</script>').format(Markup(text))  # noqa: S704


def page(name: str, title: str, foot: str = "", **given: Any) -> Markup:
    """Return a page by the template `NAME.html`, the style `NAME.css` and, where there is one, the script `NAME.js`.

    Args:
        foot: what stands at the foot of each printed page, in letters, digits, spaces and commas.
        given: what the template shows; everything is escaped but `Markup`.
    """
    assert all(sign.isascii() and (sign.isalnum() or sign in " ,") for sign in foot)
    style = _file("base.css") + _file(f"{name}.css") + (_FOOT.format(foot) if foot else "")
    script = _file(f"{name}.js") if (_HERE / f"{name}.js").exists() else ""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; {_allowed(script)}base-uri 'none'; form-action 'none'"
    # Style and script are our own files, and what they hold is not data.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    text = _TEMPLATES.get_template(f"{name}.html").render(
        policy=policy, title=title, version=__version__, **own, **given
    )
    return Markup(text)  # noqa: S704  # the template has escaped what it was given


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _allowed(script: str) -> str:
    if not script:
        return ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"script-src 'sha256-{digest}'; "
