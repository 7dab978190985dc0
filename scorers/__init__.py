"""From a model's output to outcomes, from outcomes to pairs, from pairs to MAR and BR."""
