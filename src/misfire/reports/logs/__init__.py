"""Reading logs: which files there are, what each holds, and what is missing."""
