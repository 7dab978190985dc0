"""The stages of a build, with their inputs, their work, and their reports."""
