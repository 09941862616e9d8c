from .code import PACKAGE as PACKAGE, code_hash as code_hash
from .gpus import (
    NONE as NONE,
    VISIBLE as VISIBLE,
    Gpu as Gpu,
    Gpus as Gpus,
    gpus_found as gpus_found,
    gpus_here as gpus_here,
    torch_has_cuda as torch_has_cuda,
)
from .handshake import met_by_study as met_by_study
from .introduction import (
    Hello as Hello,
    Probe as Probe,
    Probed as Probed,
    Refused as Refused,
    Welcome as Welcome,
    own_path as own_path,
    refusal as refusal,
)
from .slot_process import SAME_PATH as SAME_PATH, SlotProcess as SlotProcess, import_path as import_path
from .wire import (
    BEAT_S as BEAT_S,
    HUSH_S as HUSH_S,
    LEAVING_S as LEAVING_S,
    SILENCE_S as SILENCE_S,
    Frame as Frame,
    Kind as Kind,
    Wire as Wire,
    WireError as WireError,
)
