"""What a study may be called, and the folder that it gets: its own, whatever its name."""

import re
from hashlib import sha256

from sweeper.errors import Fault, UserError
from sweeper.trial import slugify

MAX_NAME_LENGTH = 200
"""What every database, and MLflow, can hold."""
RESERVED = {"cache", "mlartifacts", "mlflow.db", "mlruns", "published", "solo", "studies.db"}
"""What a results folder holds beside its studies."""
LIKE_OURS = re.compile(r"-[0-9a-f]{10}$")
"""A name that ends as the folders of other names do."""


def check_study_name(name: str) -> None:
    """Raises UserError for a name that no table, tag or line of a terminal could show."""
    expected = f"expected 1 to {MAX_NAME_LENGTH} characters that can be printed"
    if len(name) > MAX_NAME_LENGTH:
        problem = f"got {len(name)} characters ('{name[:20]}...'); {expected}"
        raise UserError(Fault("study.name", problem, "Choose a shorter one"))
    if not name.strip() or not name.isprintable():
        raise UserError(Fault("study.name", f"got {name!r}; {expected}", "Choose another"))


def folder_name(study: str) -> str:
    """The name itself where it is fit for a folder; else what is left of it, with a hash of the whole."""
    safe = slugify(study)
    is_reserved = safe.lower() in RESERVED or safe.lower().startswith(("studies.db", "mlflow.db"))
    if safe == study and not is_reserved and not LIKE_OURS.search(study):
        return safe
    return f"{slugify(study, limit=60)}-{sha256(study.encode(errors='surrogatepass')).hexdigest()[:10]}"
