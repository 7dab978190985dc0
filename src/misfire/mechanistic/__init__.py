"""Where a model overrules the evidence: lens, patching, head ablation, paths and attention.

Requires the extra ``mechanistic``.

Code that lists or runs the tasks does not import this package. Analyses are functions of a decoder and pairs
that return tidy frames.
"""
