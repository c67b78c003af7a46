"""The canonical text of a version: JSON of this one version with its scheme's own fields, and nothing it does not use.

Keys sorted, no spaces, strings only. Of the scheme's lists only what this version uses goes in (its sources, the titles
of its funds, its own zones instead of the file's), so that what is added for a later version never changes the digest
of an earlier one. Upholds L4: equal text, equal version.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from ledger.domain.language.tree import Node, plain_value

FORMAT: Final = "iuran-scheme/v1"
OWN_FIELDS: Final = ("scheme", "title", "status", "currency", "time_zone", "time_zones", "zones", "platforms")
MORE_FIELDS: Final = ("attribution", "funds", "sources")


def canonical_text(
    top: Mapping[str, Node], version: Node, minor_digits: int, cited: Collection[str], funds: Collection[str]
) -> str:
    """Give the text that `scheme.enacted` carries; `cited` and `funds` are the sources and funds the version names."""
    whole: dict[str, Any] = {"format": FORMAT, "minor_digits": str(minor_digits), "version": plain_value(version)}
    own = version.value if isinstance(version.value, dict) else {}
    for key in (*OWN_FIELDS, *MORE_FIELDS):
        if key in top and not (key in ("zones", "platforms") and key in own):
            whole[key] = plain_value(top[key])
    whole["sources"] = {key: value for key, value in whole["sources"].items() if key in cited}
    if "funds" in whole:
        whole["funds"] = {key: value for key, value in whole["funds"].items() if _used(key, funds)}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _used(fund: str, funds: Collection[str]) -> bool:
    return any(each == fund or each.startswith(fund + ".") for each in funds)
