"""Where in a model evidence is overruled: lens, patching, head ablation, paths, attention; needs the extra ``mechanistic``.

Nothing here is imported by what lists or runs the tasks. Analyses are functions over a decoder and pairs that return tidy frames.
"""
