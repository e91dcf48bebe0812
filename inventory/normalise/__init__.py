"""Converts a job's JSON into masked rows with their digests, and rows back into JSON.

Read `walk` first; `fast` is an optimisation with the same result.
"""
