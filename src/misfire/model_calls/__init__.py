"""One call of a model, the same for every task: what is sent, under which limits, and how it ended."""
