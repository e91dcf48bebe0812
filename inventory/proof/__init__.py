"""Digests, signatures, and their verification; uses no database."""
