"""Writes the finished data set: rows, data card, and metadata."""
