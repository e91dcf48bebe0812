"""Database URLs: which are supported, and what of them may be shown."""


def check_database_url(url: str) -> str | None:  # noqa: ARG001
    """Say why a URL cannot be used, without any secret of it; None where it can."""
    return None
