"""Every key of a scheme file: which mapping has it, what it takes, whether it must stand, and what it says.

The one place where keys live: the reader takes required and optional keys from here, and the JSON Schema and the
reference page (`ledger.domain.language.reference`) are generated from it, so that none of the three can know a key
that the others do not.
"""

from __future__ import annotations

from typing import Final

from ledger.domain.language.forms import CITING, Form
from ledger.domain.language.keys_of_files import FILE_FORMS
from ledger.domain.language.keys_of_rules import RULE_FORMS

FORMS: Final[dict[str, Form]] = {**FILE_FORMS, **RULE_FORMS}
CITING_KEYS: Final = tuple(key.name for key in CITING)
