"""The stages of a build: what each is made from, does, and reports."""
