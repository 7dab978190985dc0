"""Reports about pairs: VETO and priming."""
