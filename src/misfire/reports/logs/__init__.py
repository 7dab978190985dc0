"""Read logs: find the files, read their contents, and detect what is missing."""
