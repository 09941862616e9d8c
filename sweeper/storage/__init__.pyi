from .clock import DatabaseClock as DatabaseClock
from .opening import url_to_look_at as url_to_look_at
from .optuna_adapter import (
    added as added,
    study_seen_as as study_seen_as,
    trial_numbered as trial_numbered,
    writable as writable,
)
from .outcomes import Outcome as Outcome, read_outcome as read_outcome
from .owners import is_gone as is_gone, new_owner as new_owner
from .places import (
    is_of_place as is_of_place,
    place_faults_named as place_faults_named,
    refuse_closed as refuse_closed,
)
from .remembering import drafting as drafting, look_of as look_of
from .rows import Claim as Claim
from .run_book import RunBook as RunBook
from .storage import Storage as Storage, delete_study as delete_study, open_storage as open_storage
