"""The pages that are made from the code, by their paths under docs/."""

from collections.abc import Callable

__all__ = ["HEAD", "PAGES"]

HEAD = "<!-- Made by `python -m tests.docs`; do not edit. -->\n"

PAGES: dict[str, Callable[[], str]] = {}
