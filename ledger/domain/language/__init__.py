"""The reader of the scheme language: text in, dated versions out, or every problem with line and mend.

`read_version` reads a version from a scheme file's tree (`language.document`), `parse` from its canonical text.
Keys, operations and names stand in tables (`keys`, `operations`, `names`) from which the JSON Schema and the reference
page are generated (`reference`). Knows no clock, file or network; the values it gives are `ledger.domain.scheme`.
"""

from ledger.domain.language.version import parse, read_version

__all__ = ["parse", "read_version"]
