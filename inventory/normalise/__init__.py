"""A job's JSON becomes masked rows with their digests, and JSON again.

Begin with `walk`; `fast` gives the same, faster.
"""
