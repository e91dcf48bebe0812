"""Shared by all packages: errors, cancellation, exact JSON, safe text, the log."""
