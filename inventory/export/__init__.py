"""The nightly run. Begin with `flow`, which shows one source from the lock to the commit."""
