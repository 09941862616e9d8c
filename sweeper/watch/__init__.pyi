from .experiments import experiment_frame as experiment_frame
from .forgetting import forget_begun as forget_begun
from .observers import Observer as Observer, Observers as Observers, StudyStart as StudyStart
from .page import PageWriter as PageWriter
from .terminal import Terminal as Terminal
from .tracking import (
    LOCK_S as LOCK_S,
    forget_study as forget_study,
    make_tracker as make_tracker,
    replay_study as replay_study,
)
from .tracking_store import check_tracking as check_tracking, pages as pages, place_of_runs as place_of_runs
