from .channel import (
    MAX_FRAME_BYTES as MAX_FRAME_BYTES,
    Answer as Answer,
    Channel as Channel,
    ChannelError as ChannelError,
    Leave as Leave,
    Work as Work,
    read_message as read_message,
)
from .ending import ending as ending
from .garbage import collect_from_here as collect_from_here, collector_resting as collector_resting
from .lifeline import Lifeline as Lifeline
from .portable import portable as portable
from .predicting import PredictRequest as PredictRequest, predict as predict
from .program_environment import OWN_PATH as OWN_PATH
from .runners import run_job as run_job, run_to_the_end as run_to_the_end
from .serve import device_of as device_of
from .training import Training as Training
