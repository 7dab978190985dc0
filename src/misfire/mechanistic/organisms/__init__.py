"""Model organisms: small models with a known cause of misfiring.

They are used to check the results of the analyses against the truth.
"""
