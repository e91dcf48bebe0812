"""Digests, signatures, and the check that recomputes them; no database."""
