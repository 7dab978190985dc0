"""Model calls in the same way for every task: what is sent, under which limits, and how the call ended."""
