"""The documents: pages that are made from the code, and the commands of pages, which are run."""
