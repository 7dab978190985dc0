"""Model organisms: small models with a known cause of misfiring, so that what the analyses find can be held against the truth."""
