"""YAML and environment become frozen settings, or every fault with its file, line and key. Begin with `load`."""
