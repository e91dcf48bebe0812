"""Records become what a person or a tool reads: text, tables, JSON."""

__all__ = ["CLEAR_LINE"]

CLEAR_LINE = "\r\x1b[K"  # takes a progress bar away, so that a line can be printed in its place
