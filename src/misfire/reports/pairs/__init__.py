"""Reports about pairs, for VETO and priming."""
