"""Databases: opening, migrating, staging, writing and reading snapshots."""
