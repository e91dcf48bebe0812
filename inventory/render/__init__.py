"""Records become what a person or a tool reads: text, tables, JSON."""
