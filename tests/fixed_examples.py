"""Properties have fixed examples: the same in every process, order, checkout and at any load.

To look for other examples: ``pytest --hypothesis-profile=explore``.
"""

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

_constants_of_imported_code = providers._get_local_constants


def register() -> None:
    """Register both profiles, and load the one with fixed examples."""
    # how long an example takes depends on the machine and on what else it does; properties are not about time
    untimed = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("misfire", derandomize=True, **untimed)
    settings.register_profile("explore", max_examples=1000, **untimed)
    settings.load_profile("misfire")
    providers._get_local_constants = _constants


def _constants() -> Constants:
    """The constants of our code that Hypothesis may draw: none, unless it is to look for other examples.

    Even without randomness, it draws from the constants of those local modules that are imported by then. So
    examples would depend on the tests that ran before in the same process, on the path of the checkout, and
    on any change of the code.
    """
    if settings.get_current_profile_name() == "explore":
        return _constants_of_imported_code()
    return Constants()
