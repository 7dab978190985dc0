"""A Hugging Face model with access to its parts: reading activations and changing them."""
