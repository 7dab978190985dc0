"""Caveats that a report states before its numbers: missing data, and results based on too little data."""
