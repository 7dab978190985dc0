"""The evaluations, one file each, and their prompts."""
