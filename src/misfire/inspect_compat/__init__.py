"""Everything private of Inspect that misfire uses.

No other module of misfire imports a private name of Inspect.

Each module here re-exports names that Inspect has in no public place. ``tests/test_inspect_compat.py`` holds
one test for each of them. The test says what breaks in misfire if a new release of Inspect moves or changes
the name.
"""
