"""What stands between the columns of a table, where it is no comma."""

from collections.abc import Sequence

from sweeper.task import Fault

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
AS_COMMAS = "Save it as comma-separated values"


def fault_of_separator(header: Sequence[str], file: str, advice: str = AS_COMMAS) -> Fault | None:
    """A fault where what stands between the columns is no comma."""
    found = [word for mark, word in SEPARATORS.items() if len(header) == 1 and mark in header[0]]
    if not found:
        return None
    return Fault(file, f"got one column only, with {found[0]} in its name; expected commas", advice)
