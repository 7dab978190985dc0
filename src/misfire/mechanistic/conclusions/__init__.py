"""Conclusions that the results of the analyses support."""
