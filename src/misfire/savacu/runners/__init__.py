"""What carries out the model calls of a stage: Inspect on one machine, or Ray Data on many."""
