"""Finds near-duplicate prompts: fingerprints, an exact search, and clusters."""
