"""Reads jobs from the service over the network, or from recordings."""
