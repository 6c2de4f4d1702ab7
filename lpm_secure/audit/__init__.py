"""What a run was allowed to learn, what it did learn, and who saw what: from its files alone.

`collect` and `gather` make the folder; `index` signs and checks its files; `audit` puts the checks together: `rules`
and `inquiries` over the ledgers, `privacy_cost` for what all releases cost, `build` for tests of the program itself
(`two_worlds` and `replays` of its noise, `views` of what its aggregators see); `page` shows the result.
The package can be called: `lpm.audit(folder)`.
"""

import sys
import types
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "lpm_secure"  # has been imported before this package, and knows what is above it


class AuditPackage(types.ModuleType):
    """This package, which a program may call, as it has the name of what audits a run."""

    def __call__(self, folder: Path | str, **options: Any) -> Any:
        """Return the report of `lpm_secure.scenario.analyses.audits.audit`, which says what it takes."""
        return sys.modules[PACKAGE].public_name("audit")(folder, **options)


sys.modules[__name__].__class__ = AuditPackage
