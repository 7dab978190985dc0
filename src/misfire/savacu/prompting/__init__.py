"""The steps that call a model: the prompts of an item and the parser of its replies."""
