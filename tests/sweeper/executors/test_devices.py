"""Device slots, from records of machines."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sweeper.agent.gpus import Gpu, Gpus
from sweeper.errors import UserError
from sweeper.executors.devices import THREADS, Arrangement, Machine, arrange, slots_in_words, this_machine
from sweeper.schema import Inline, Local
from sweeper.trial import Slot

GIB = 2**30


def gpu(number: int, used_gib: float = 0.0) -> Gpu:
    return Gpu(number, f"GPU-{number}", "H200", 80 * GIB, int(used_gib * GIB))


def machine(*gpus: Gpu, n_cores: int = 16, has_cuda: bool = True) -> Machine:
    return Machine(n_cores, Gpus(gpus), has_cuda)


def local(**changes: Any) -> Local:
    defaults: dict[str, Any] = {
        "name": "local",
        "devices": "auto",
        "jobs_per_device": 1,
        "n_slots": None,
        "n_threads": None,
        "max_jobs": None,
        "job_timeout_s": None,
        "silence_s": 120.0,
        "retries": 2,
    }
    return Local.model_validate(defaults | changes)


def labels(arrangement: Arrangement) -> list[str]:
    return [slot.label for slot in arrangement.slots]


def test_slots_alternate_between_gpus_and_share_the_cores() -> None:
    """16 cores on 4 slots: 4 threads each; a worker sees its own GPU only, and calls it cuda:0."""
    arrangement = arrange(local(jobs_per_device=2), machine(gpu(0), gpu(1)))
    assert arrangement.slots == tuple(
        Slot(index, "cuda:0", 4, label) for index, label in enumerate(["gpu 0", "gpu 1"] * 2)
    )
    seen = [placement.environment["CUDA_VISIBLE_DEVICES"] for placement in arrangement.placements]
    assert seen == ["GPU-0", "GPU-1"] * 2
    assert arrangement.warnings == ()


def test_a_program_may_train_on_several_gpus_and_what_does_not_fill_a_slot_is_left() -> None:
    arrangement = arrange(local(devices_per_job=2), machine(*map(gpu, range(5))))
    assert labels(arrangement) == ["gpu 0+1", "gpu 2+3"]
    seen = [placement.environment["CUDA_VISIBLE_DEVICES"] for placement in arrangement.placements]
    assert seen == ["GPU-0,GPU-1", "GPU-2,GPU-3"]
    assert arrangement.warnings == (
        "executor.devices_per_job: got 2 of 5 GPUs; gpu 4 is left out, since it fills no slot",
    )


def test_more_gpus_for_a_job_than_there_are_is_a_fault() -> None:
    with pytest.raises(UserError, match=r"executor\.devices_per_job: got 3, but 2 GPUs can be used"):
        arrange(local(devices_per_job=3), machine(gpu(0), gpu(1)))
    alone = arrange(local(devices_per_job=2), machine())
    assert alone.warnings == ("executor.devices_per_job: has no effect on the CPU",)


def test_without_a_gpu_there_is_a_slot_a_core_and_none_sees_a_gpu() -> None:
    arrangement = arrange(local(), machine(n_cores=3))
    assert arrangement.slots == tuple(Slot(index, "cpu", 1, "cpu") for index in range(3))
    environment = {"CUDA_VISIBLE_DEVICES": ""} | dict.fromkeys(THREADS, "1")
    assert [dict(placement.environment) for placement in arrangement.placements] == [environment] * 3


@pytest.mark.parametrize(
    ("n_cores", "changes", "n_slots", "n_threads"),
    [
        (64, {}, 8, 8),
        (1, {}, 1, 1),
        (6, {"n_slots": 4}, 4, 1),
        (2, {"n_slots": 4}, 4, 1),
        (16, {"n_slots": 4, "n_threads": 3}, 4, 3),
        (16, {"max_jobs": 2}, 2, 8),
        (4, {"max_jobs": 9}, 4, 1),
    ],
)
def test_slots_on_the_cpu_and_their_threads(
    n_cores: int, changes: dict[str, Any], n_slots: int, n_threads: int
) -> None:
    arrangement = arrange(local(devices="cpu", **changes), machine(gpu(0), n_cores=n_cores))
    assert [slot.n_threads for slot in arrangement.slots] == [n_threads] * n_slots
    assert set(labels(arrangement)) == {"cpu"}
    assert all(p.environment["OMP_NUM_THREADS"] == str(n_threads) for p in arrangement.placements)


@given(
    n_gpus=st.integers(1, 9),
    jobs_per_device=st.integers(1, 4),
    max_jobs=st.none() | st.integers(1, 40),
    n_cores=st.integers(1, 128),
)
def test_a_cap_is_kept_and_spreads_evenly_over_the_gpus(
    n_gpus: int, jobs_per_device: int, max_jobs: int | None, n_cores: int
) -> None:
    gpus = [gpu(number) for number in range(n_gpus)]
    config = local(jobs_per_device=jobs_per_device, max_jobs=max_jobs)
    slots = arrange(config, machine(*gpus, n_cores=n_cores)).slots
    assert len(slots) == min(n_gpus * jobs_per_device, max_jobs or 1000)
    assert [slot.index for slot in slots] == list(range(len(slots)))
    on_each = Counter(slot.label for slot in slots)
    assert max(on_each.values()) - min(on_each[f"gpu {number}"] for number in range(n_gpus)) <= 1
    [n_threads] = {slot.n_threads for slot in slots}
    assert n_threads is not None
    assert n_threads >= 1
    assert n_threads * len(slots) <= max(n_cores, len(slots))


def test_auto_leaves_out_a_gpu_that_others_fill_and_says_so() -> None:
    """More than 40 of 80 GiB is filled; exactly half is free enough."""
    arrangement = arrange(local(), machine(gpu(0, 40), gpu(1, 41), gpu(2)))
    assert labels(arrangement) == ["gpu 0", "gpu 2"]
    assert arrangement.warnings == (
        "executor.devices: gpu 1 (H200) is left out, it has 41.0 of 80.0 GiB in use; "
        "name it in executor.devices to use it all the same",
    )


def test_where_others_fill_every_gpu_auto_is_refused_with_what_to_do() -> None:
    with pytest.raises(UserError) as refused:
        arrange(local(), machine(gpu(0, 70), gpu(1, 50)))
    assert str(refused.value) == (
        "executor.devices: got auto, but others fill every GPU (gpu 0 has 70.0 of 80.0 GiB in use, "
        "gpu 1 has 50.0 of 80.0 GiB in use); expected one with half of its memory free. "
        "Name those to be used all the same (executor.devices=[0, 1]), or use executor.devices=cpu."
    )


def test_gpus_named_by_number_are_used_however_full_in_the_order_named() -> None:
    assert labels(arrange(local(devices=[1, 0]), machine(gpu(0, 70), gpu(1)))) == ["gpu 1", "gpu 0"]


def test_numbers_count_the_gpus_that_are_visible() -> None:
    """With CUDA_VISIBLE_DEVICES=3,5 the user's gpu 1 is the driver's 5."""
    arrangement = arrange(local(devices=[1]), machine(gpu(3), gpu(5)))
    assert labels(arrangement) == ["gpu 1"]
    assert arrangement.placements[0].environment["CUDA_VISIBLE_DEVICES"] == "GPU-5"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            Gpus((gpu(0), gpu(1))),
            "got 2, 7; expected numbers of the GPUs found here: 0 (H200), 1 (H200). Name",
        ),
        (
            Gpus(),
            "got [1, 2, 7], but no GPU is found here. Use executor.devices=cpu or executor.devices=auto",
        ),
        (Gpus(problem="NVML: GPU is lost"), "no GPU is found here (NVML: GPU is lost). Use"),
        (
            Gpus(doubt="CUDA_VISIBLE_DEVICES: got ''"),
            "no GPU is found here (CUDA_VISIBLE_DEVICES: got ''). Use",
        ),
    ],
)
def test_a_number_that_is_not_there_is_refused_with_those_that_are(found: Gpus, message: str) -> None:
    with pytest.raises(UserError, match=r"executor\.devices: got ") as refused:
        arrange(local(devices=[1, 2, 7]), Machine(16, found))
    assert message in str(refused.value)


def test_a_torch_without_cuda_trains_on_the_cpu_and_says_so_or_refuses_what_is_named() -> None:
    without = machine(gpu(0), has_cuda=False)
    arrangement = arrange(local(), without)
    assert set(labels(arrangement)) == {"cpu"}
    assert arrangement.warnings == (
        "executor.devices: the CPU is used, since the installed torch is built without CUDA",
    )
    with pytest.raises(UserError, match=r"got \[0\], but the installed torch is built without CUDA"):
        arrange(local(devices=[0]), without)


@pytest.mark.parametrize(
    ("changes", "gpus", "warnings"),
    [
        (
            {"n_slots": 2},
            [gpu(0)],
            ("executor.n_slots: has no effect on GPUs; use executor.jobs_per_device",),
        ),
        (
            {"jobs_per_device": 2},
            [],
            ("executor.jobs_per_device: has no effect on the CPU; use executor.n_slots",),
        ),
        ({"n_slots": 2}, [], ()),
        ({"jobs_per_device": 2}, [gpu(0)], ()),
    ],
)
def test_what_has_no_effect_on_these_devices_is_a_warning(
    changes: dict[str, Any], gpus: list[Gpu], warnings: tuple[str, ...]
) -> None:
    assert arrange(local(**changes), machine(*gpus)).warnings == warnings


def test_what_is_odd_about_the_gpus_is_told_where_it_matters() -> None:
    """A problem always, unless the CPU was asked for; a doubt about numbers to those who name numbers."""
    odd = replace(machine(), gpus=Gpus((gpu(0),), problem="a problem", doubt="a doubt"))
    assert arrange(local(devices=[0]), odd).warnings == ("a problem", "a doubt")
    assert arrange(local(), odd).warnings == ("a problem",)
    assert arrange(local(devices="cpu"), odd).warnings == ()


@pytest.mark.parametrize(
    ("device", "gpus", "slot"),
    [
        ("auto", [], Slot(0, "cpu", 2, "cpu")),
        ("auto", [gpu(0), gpu(1)], Slot(0, "cuda:0", 2, "gpu 0")),
        ("cuda", [gpu(0)], Slot(0, "cuda", 2, "gpu 0")),
        ("cuda:1", [gpu(0), gpu(1)], Slot(0, "cuda:1", 2, "gpu 1")),
        ("cpu", [gpu(0)], Slot(0, "cpu", 2, "cpu")),
    ],
)
def test_inline_has_one_slot_and_leaves_the_environment_alone(
    device: str, gpus: list[Gpu], slot: Slot
) -> None:
    arrangement = arrange(Inline(name="inline", device=device, n_threads=2), machine(*gpus))
    [placement] = arrangement.placements
    assert (placement.slot, dict(placement.environment)) == (slot, {})


def test_this_machine_has_cores_and_slots() -> None:
    here = this_machine()
    assert here.n_cores >= 1
    slots = arrange(local(devices="cpu"), here).slots
    assert len(slots) == min(here.n_cores, 8)


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        ([("cpu", 1)] * 2, "2 slots on cpu, 1 thread each"),
        ([("cpu", 4)], "1 slot on cpu, 4 threads"),
        ([("cpu", None)], "1 slot on cpu"),
        ([("gpu 3", 8)] * 2, "2 slots on gpu 3, 8 threads each"),
        ([("gpu 0", 2), ("gpu 1", 2)] * 2, "4 slots on gpus 0 and 1, 2 threads each"),
        ([("gpu 0", 2), ("gpu 2", 2), ("gpu 5", 2)], "3 slots on gpus 0, 2 and 5, 2 threads each"),
    ],
)
def test_slots_in_words(slots: list[tuple[str, int | None]], words: str) -> None:
    assert slots_in_words(tuple(Slot(i, "", n, label) for i, (label, n) in enumerate(slots))) == words


@pytest.mark.parametrize("device", ["cudaa", "gpu", "cuda:1", "cuda:x", "meta:x", ""])
def test_a_device_that_is_not_there_is_refused_before_any_job_meets_it(device: str) -> None:
    with pytest.raises(UserError, match=rf"^executor\.device: got '{device}'.*executor\.device=cpu"):
        arrange(Inline(name="inline", device=device, n_threads=2), machine(gpu(0)))
