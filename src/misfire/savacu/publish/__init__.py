"""The finished data set: shards, data card, and metadata."""
