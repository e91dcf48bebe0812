"""Measurements: run by hand, each as a module of its own; no part of the tests."""
