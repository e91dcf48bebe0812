"""The run's events: what every package logs with. `cli.log_setup` says where they go, and masks secrets there."""

import structlog

__all__ = ["bound", "everywhere", "logger"]

# Adds fields to every event of this thread: `with bound(run_id=…, source=…):`. A new thread starts without.
bound = structlog.contextvars.bound_contextvars

everywhere: dict[str, object] = {}  # fields of every event of every thread, the libraries' too


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the log to write to: ``logger().info("exported", jobs=12)``.

    It keeps the fields that are bound in this thread, so that the threads which work for it tell them too.
    """
    found: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return found.bind(**structlog.contextvars.get_contextvars())
