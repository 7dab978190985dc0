"""Reports about Mis-Align Bench."""
