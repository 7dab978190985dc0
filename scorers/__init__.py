"""Score model outputs: outputs to outcomes, outcomes to pairs, and pairs to MAR and BR."""
