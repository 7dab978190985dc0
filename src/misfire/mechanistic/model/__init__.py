"""A Hugging Face model opened up: its parts, what is read from them, and what is changed in them."""
