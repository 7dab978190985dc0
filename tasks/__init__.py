"""The evaluations, one file each, and what they ask the model."""
