"""Numbers of configurations, with the bounds that hold wherever one is given."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=10**6)]
Days = Annotated[float, msgspec.Meta(gt=0, le=3_650)]
