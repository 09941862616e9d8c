"""Is this still the study that it was? Its name may be the user's own, and code changes with time."""

import json

from sweeper.errors import Fault, UserError
from sweeper.study.provenance import code_hash
from sweeper.study.specs import SpecFactory, differences
from sweeper.search.trial_book import TrialBook


def identity_warnings(
    trials: TrialBook, factory: SpecFactory, name: str, target: str | None = None
) -> list[str]:
    """What to say loudly when a known study is opened again.

    Raises UserError, with the difference, where the study of that name was begun with another fixed
    configuration.
    """
    _refuse_another_meaning(trials, factory, name)
    code = code_hash(target)
    if trials.remember("code_hash", code) == code:
        return []
    return [
        "the code of the task or of the trainer has changed since this study was begun; its old results "
        "stand beside new ones as if it had not. Give the study another study.name to start afresh"
    ]


def _refuse_another_meaning(trials: TrialBook, factory: SpecFactory, name: str) -> None:
    fixed = json.loads(json.dumps(factory.fixed()))
    changed = differences(json.loads(trials.remember("fixed", json.dumps(fixed))), fixed)
    if changed:
        problem = f"got '{name}', which was begun with another fixed configuration ({'; '.join(changed)})"
        raise UserError(Fault("study.name", problem, "Choose another name, or null to have one made"))
