"""What every package may use: errors, cancellation, exact JSON, safe text, the log."""
