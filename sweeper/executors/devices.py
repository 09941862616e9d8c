"""Device slots: where jobs may run at a time, and what a worker needs in its environment for each.

    executor.devices ──> GPUs by number, or the CPU ──> one seat a job, at most max_jobs ──> Placement

A worker is given its GPU by UUID, and sees no other: in which order CUDA would count them does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.agent import NONE, VISIBLE, Gpu, Gpus, gpus_here, torch_has_cuda
from sweeper.errors import Fault, RunError, UserError
from sweeper.schema import Inline, Local, Remote
from sweeper.trial import Slot
from sweeper.wording import plural

MOST_CPU_SLOTS = 8
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Read once, when the library is loaded: to be set before torch and numpy are imported."""

ASSUMED = "agents"
"""The label of a slot that is an agent's who may come."""
WHERE = "executor.devices"
WHERE_INLINE = "executor.device"
INSTEAD = "use executor.devices=cpu"


@dataclass(frozen=True)
class Machine:
    """What slots are made of. `has_cuda`: whether the installed torch can use GPUs at all."""

    n_cores: int
    gpus: Gpus = NONE
    has_cuda: bool = True


@dataclass(frozen=True)
class Placement:
    """A slot, and the environment that its worker has to have before torch is imported."""

    slot: Slot
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Arrangement:
    """One placement a slot, at least one; `warnings` say what is left out or has no effect."""

    placements: tuple[Placement, ...]
    warnings: tuple[str, ...] = ()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots alone."""
        return tuple(placement.slot for placement in self.placements)


def arrange(executor: Inline | Local | Remote, machine: Machine | None = None) -> Arrangement:
    """The slots that a configuration makes of `machine`, this one unless told otherwise.

    Those of agents are assumed: as many as are asked for, wherever they will be. Neighbours in the order of
    slots are on different GPUs, so that few jobs spread over all of them; so does the cap `max_jobs`. Raises
    UserError where the machine has not what is asked for.
    """
    if isinstance(executor, Remote):
        return _assumed(executor)
    machine = machine or this_machine()
    return _inline(executor, machine) if isinstance(executor, Inline) else _local(executor, machine)


def this_machine() -> Machine:
    """The cores that this process may use (cgroups and affinity count) and the GPUs that CUDA shows to it."""
    from joblib import cpu_count  # imports slowly, and most commands need no slots

    gpus = gpus_here()
    return Machine(cpu_count(), gpus, has_cuda=not gpus.shown or torch_has_cuda())


def slots_in_words(slots: tuple[Slot, ...]) -> str:
    """`2 slots on cpu, 1 thread each`; `16 agents expected, 1 thread each` where they are assumed."""
    n_threads, is_assumed = slots[0].n_threads, slots[0].label == ASSUMED
    on_devices = f"{plural(len(slots), 'slot')} on {_devices_in_words(slots)}"
    text = f"{plural(len(slots), 'agent')} expected" if is_assumed else on_devices
    each = " each" * (len(slots) != 1)
    return text if n_threads is None else f"{text}, {plural(n_threads, 'thread')}{each}"


def _devices_in_words(slots: tuple[Slot, ...]) -> str:
    labels = list(dict.fromkeys(slot.label for slot in slots))
    if len(labels) == 1:
        return labels[0]
    *numbers, last = (label.removeprefix("gpu ") for label in labels)
    return f"gpus {', '.join(numbers)} and {last}"


def _assumed(executor: Remote) -> Arrangement:
    slots = [Slot(index, "cpu", executor.n_threads, ASSUMED) for index in range(executor.agents)]
    return Arrangement(tuple(Placement(slot, environment_of("", executor.n_threads)) for slot in slots))


def _inline(executor: Inline, machine: Machine) -> Arrangement:
    """The one slot in this process, whose environment stays the user's."""
    has_gpu = bool(machine.gpus.shown) and machine.has_cuda
    automatic = "cuda:0" if has_gpu else "cpu"
    device = automatic if executor.device == "auto" else executor.device
    _refuse_absent(device, machine)
    kind, _, number = device.partition(":")
    label = f"gpu {number or 0}" if kind == "cuda" else device
    return Arrangement((Placement(Slot(0, device, executor.n_threads, label), {}),))


def _refuse_absent(device: str, machine: Machine) -> None:
    """Raises UserError for a device that a job would not find: a mistyped one must not fail every run."""
    kind, colon, number = device.partition(":")
    if device == "cpu":
        return
    if kind == "cuda" and (not colon or number.isdecimal()):
        n_shown = len(machine.gpus.shown) if machine.has_cuda else 0
        if int(number or 0) >= n_shown:
            why = machine.gpus.problem or machine.gpus.doubt
            here = f"{plural(n_shown, 'GPU')} found here" + f" ({why})" * bool(why)
            raise UserError(
                Fault(WHERE_INLINE, f"got '{device}'; {here}", "Use executor.device=cpu, or auto")
            )
        return
    from sweeper.worker import device_of  # torch, which this executor loads into this process anyway

    try:
        device_of(device)
    except RunError as error:
        problem = error.reason.removeprefix(f"{WHERE_INLINE}: ")
        raise UserError(Fault(WHERE_INLINE, problem, error.advice)) from error


def _local(config: Local, machine: Machine) -> Arrangement:
    gpus, warnings = _gpus_for(config, machine)
    seats = _shared_out(gpus, config.devices_per_job) * config.jobs_per_device
    if not seats:
        seats = [("cpu", "")] * (config.n_slots or min(machine.n_cores, MOST_CPU_SLOTS))
    seats = seats[: config.max_jobs]
    n_threads = config.n_threads or max(1, machine.n_cores // len(seats))
    placements = [
        Placement(Slot(index, "cuda:0" if uuid else "cpu", n_threads, label), environment_of(uuid, n_threads))
        for index, (label, uuid) in enumerate(seats)
    ]
    said = filter(None, [*warnings, _left_over(gpus, config), _without_effect(config, on_gpus=bool(gpus))])
    return Arrangement(tuple(placements), tuple(said))


def _shared_out(gpus: Mapping[int, Gpu], n_each: int) -> list[tuple[str, str]]:
    """The GPUs, so many a seat: how a reader calls them, and their UUIDs. Raises UserError for too few."""
    numbers = list(gpus)
    groups = [numbers[at : at + n_each] for at in range(0, len(numbers) - n_each + 1, n_each)]
    if gpus and not groups:
        problem = f"got {n_each}, but {plural(len(gpus), 'GPU')} can be used"
        raise UserError(Fault("executor.devices_per_job", problem, "Use fewer"))
    return [
        (f"gpu {'+'.join(map(str, group))}", ",".join(gpus[number].uuid for number in group))
        for group in groups
    ]


def _left_over(gpus: Mapping[int, Gpu], config: Local) -> str:
    left = list(gpus)[len(gpus) - len(gpus) % config.devices_per_job :]
    where = f"executor.devices_per_job: got {config.devices_per_job} of {plural(len(gpus), 'GPU')}"
    it = f"gpu {'+'.join(map(str, left))} is left out, since it fills no slot"
    return f"{where}; {it}" if left else ""


def environment_of(uuid: str, n_threads: int) -> dict[str, str]:
    """What a worker needs that sees these GPUs only; without any, it cannot make a CUDA context either."""
    return {VISIBLE: uuid} | dict.fromkeys(THREADS, str(n_threads))


def _gpus_for(config: Local, machine: Machine) -> tuple[dict[int, Gpu], list[str]]:
    """The GPUs to use, by number, none for the CPU; and what is to be said about it."""
    if config.devices == "cpu":
        return {}, []
    shown = dict(enumerate(machine.gpus.shown))
    problem, doubt = [machine.gpus.problem], [machine.gpus.doubt]
    if config.devices != "auto":
        return {number: shown[number] for number in _checked(config.devices, machine)}, [*problem, *doubt]
    if not shown:
        return {}, problem
    if not machine.has_cuda:
        return {}, [f"{WHERE}: the CPU is used, since the installed torch is built without CUDA"]
    free = {number: gpu for number, gpu in shown.items() if not gpu.is_filled}
    if not free:
        raise UserError(_all_filled(shown))
    return free, [*problem, *(_left_out(number, gpu) for number, gpu in shown.items() if gpu.is_filled)]


def _checked(numbers: tuple[int, ...], machine: Machine) -> tuple[int, ...]:
    shown = machine.gpus.shown
    missing = [number for number in numbers if number >= len(shown)]
    if missing and not shown:
        why = machine.gpus.problem or machine.gpus.doubt
        problem = f"got {list(numbers)}, but no GPU is found here" + f" ({why})" * bool(why)
        raise UserError(Fault(WHERE, problem, "Use executor.devices=cpu or executor.devices=auto."))
    if missing:
        here = ", ".join(f"{number} ({gpu.name})" for number, gpu in enumerate(shown))
        problem = f"got {', '.join(map(str, missing))}; expected numbers of the GPUs found here: {here}"
        why = machine.gpus.problem or machine.gpus.doubt
        raise UserError(Fault(WHERE, problem + f" ({why})" * bool(why), f"Name others, or {INSTEAD}."))
    if not machine.has_cuda:
        problem = f"got {list(numbers)}, but the installed torch is built without CUDA"
        raise UserError(Fault(WHERE, problem, f"Install a torch with CUDA, or {INSTEAD}."))
    return numbers


def _all_filled(shown: Mapping[int, Gpu]) -> Fault:
    used = ", ".join(f"gpu {number} has {gpu.memory}" for number, gpu in shown.items())
    problem = f"got auto, but others fill every GPU ({used}); expected one with half of its memory free"
    return Fault(WHERE, problem, f"Name those to be used all the same ({WHERE}={[*shown]}), or {INSTEAD}.")


def _left_out(number: int, gpu: Gpu) -> str:
    how = f"name it in {WHERE} to use it all the same"
    return f"{WHERE}: gpu {number} ({gpu.name}) is left out, it has {gpu.memory}; {how}"


def _without_effect(config: Local, on_gpus: bool) -> str:
    if on_gpus and config.n_slots is not None:
        return "executor.n_slots: has no effect on GPUs; use executor.jobs_per_device"
    if not on_gpus and config.jobs_per_device != 1:
        return "executor.jobs_per_device: has no effect on the CPU; use executor.n_slots"
    if not on_gpus and config.devices_per_job != 1:
        return "executor.devices_per_job: has no effect on the CPU"
    return ""
