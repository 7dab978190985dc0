"""Names of the efforts of ``misfire localise``, without the libraries that their sizes need."""

from typing import Literal, get_args

EffortName = Literal["quick", "standard", "full"]
"""How much is computed.

``quick``: a first look, in which heads are only estimated and none is named. ``standard``: enough to name
heads. ``full``: more pairs, both ablations, and patching of all groups.
"""

EFFORTS: tuple[EffortName, ...] = get_args(EffortName)
