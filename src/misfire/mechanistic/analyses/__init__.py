"""The analyses of a model: logit lens, attention, patching, head ablation and path patching."""
