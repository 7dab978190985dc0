"""Model organisms: small models with a known cause of misfiring, used to check the results of the analyses against the truth."""
