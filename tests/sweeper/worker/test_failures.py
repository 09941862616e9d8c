"""What a leaderboard says of an exception. Texts of GPUs are torch's own, as it has printed them."""

import errno
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from sweeper.errors import OUT_OF_MEMORY, CheckpointError, NonFiniteLossError
from sweeper.worker.failure import Failure
from sweeper.worker.failures import Circumstances, failure_of, is_out_of_memory, needs_fresh_worker

CUDA = (
    "CUDA out of memory. Tried to allocate 1.95 GiB. GPU 0 has a total capacity of 14.57 GiB "
    "of which 1.58 GiB is free. Process 2493055 has 12.02 GiB memory in use. Including non-PyTorch memory, "
    "this process has 966.00 MiB memory in use. Of the allocated memory 734.07 MiB is allocated by PyTorch, "
    "and 33.93 MiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try "
    "setting PYTORCH_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
)
DSA = (
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some "
    "other API call, so the stacktrace below might be incorrect.\nFor debugging consider passing "
    "CUDA_LAUNCH_BLOCKING=1"
)
WITHOUT_SIZES = [
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call.",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuFFT error: CUFFT_ALLOC_FAILED",
    "HIP out of memory. Tried to allocate",
]
SMALLER = "Try a smaller trainer.batch_size or a smaller model."


def met(call: object) -> BaseException:
    """What really is raised."""
    try:
        call()  # type: ignore[operator]
    except (RuntimeError, MemoryError, OSError) as error:
        return error
    raise AssertionError("nothing was raised")


def test_what_did_not_fit_on_a_gpu_is_told_with_what_there_was() -> None:
    failure = failure_of(torch.OutOfMemoryError(CUDA), Circumstances(batch_size=4096, n_parameters=1_204_113))
    assert failure.error == OUT_OF_MEMORY == torch.OutOfMemoryError.__name__
    assert failure.reason == (
        "out of memory: 1.95 GiB did not fit (GPU 0 has 14.57 GiB, 1.58 GiB free, 12.02 GiB held by other "
        "processes; batch size 4,096, parameters 1,204,113)"
    )
    assert failure.advice == SMALLER


@pytest.mark.parametrize(
    ("text", "gib"), [("20.00 MiB", "0.02"), ("512 bytes", "0.00"), ("1.50 TiB", "1,536.00")]
)
def test_sizes_are_in_gib_whatever_the_unit(text: str, gib: str) -> None:
    """20 MiB are 20 / 1024 = 0.0195 GiB, 1.5 TiB are 1536."""
    room = "GPU 1 has a total capacity of 6.00 GiB of which 0 bytes is free."
    said = f"CUDA out of memory. Tried to allocate {text}. {room}"
    reason = failure_of(torch.OutOfMemoryError(said)).reason
    assert reason == f"out of memory: {gib} GiB did not fit (GPU 1 has 6.00 GiB, 0.00 GiB free)"


def test_the_cpu_allocator_is_understood() -> None:
    """4e14 bytes / 2**30 = 372,529.03."""
    failure = failure_of(met(lambda: torch.empty(10**14)), Circumstances(batch_size=8))
    assert (failure.error, failure.reason) == (
        OUT_OF_MEMORY,
        "out of memory: 372,529.03 GiB did not fit (batch size 8)",
    )


def test_numpy_and_python_out_of_memory_are_too() -> None:
    """1e16 doubles are 8e16 bytes: 71.05 PiB, of which numpy says 71.1: 71.1 x 1024^2 GiB."""
    assert failure_of(met(lambda: np.empty(10**16))).reason == "out of memory: 74,553,753.60 GiB did not fit"
    assert failure_of(met(lambda: bytearray(10**16))) == Failure(
        OUT_OF_MEMORY,
        "out of memory",
        SMALLER,
    )


@pytest.mark.parametrize("text", WITHOUT_SIZES)
def test_libraries_that_name_no_sizes_are_out_of_memory_all_the_same(text: str) -> None:
    error = RuntimeError(text)
    failure = failure_of(error)
    assert (failure.error, failure.advice) == (OUT_OF_MEMORY, SMALLER)
    assert failure.reason.startswith(f"out of memory: {text.splitlines()[0]}")
    assert needs_fresh_worker(error)


def test_where_no_sizes_are_named_the_gpu_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**29, 2**34))
    reason = failure_of(RuntimeError(WITHOUT_SIZES[2])).reason
    assert reason.endswith("(the GPU has 16.00 GiB, 0.50 GiB free)")
    assert failure_of(met(lambda: torch.empty(10**14))).reason.endswith("did not fit")


@pytest.mark.parametrize(
    "error",
    [
        *(RuntimeError(DSA), RuntimeError("CUDA error: an illegal memory access was encountered")),
        *(RuntimeError("HIP error: unspecified launch failure"), torch.AcceleratorError(DSA)),
        *(RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), torch.OutOfMemoryError(CUDA)),
        RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"),
    ],
)
def test_a_process_whose_gpu_failed_runs_no_further_job(error: Exception) -> None:
    assert needs_fresh_worker(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("CUDA error"),
        RuntimeError("sizes do not match"),
        NonFiniteLossError("loss is nan"),
        OSError(28, "full"),
    ],
)
def test_a_process_that_met_a_plain_error_goes_on(error: Exception) -> None:
    assert not needs_fresh_worker(error)
    assert not is_out_of_memory(error)


def test_an_error_that_hides_a_broken_gpu_does_not_deceive() -> None:
    def task() -> None:
        try:
            raise RuntimeError(DSA)
        except RuntimeError:
            raise OSError("could not tidy up")  # noqa: B904 - as careless code does

    error = met(task)
    assert failure_of(error).reason.startswith("OSError: could not tidy up (test_failures.py:")
    assert needs_fresh_worker(error)


def test_a_failed_assertion_of_a_gpu_says_what_is_often_behind_it() -> None:
    assert failure_of(RuntimeError(DSA)) == Failure(
        "RuntimeError",
        "RuntimeError: CUDA error: device-side assert triggered",
        "Often an index out of range: a label, the id of an embedding. On a CPU the message says which.",
    )


def test_a_full_disk_is_told_with_its_path_and_free_space(tmp_path: Path) -> None:
    """A failing write knows no file name: the run's folder stands in for it."""
    error = met(lambda: Path("/dev/full").write_bytes(b"x"))
    failure = failure_of(error, Circumstances(folder=tmp_path / "run" / "that is not there"))
    assert (failure.error, failure.advice) == ("DiskFullError", "Free some and run it again.")
    assert failure.reason.startswith(f"no space left for {tmp_path}/run/that is not there (")
    assert failure.reason.endswith(" MiB free)")
    named = OSError(errno.EDQUOT, "Disk quota exceeded", str(tmp_path / "x.pt"))
    assert failure_of(named).reason.startswith(f"no space left for {tmp_path}/x.pt (")
    assert failure_of(error) == Failure("DiskFullError", "no space left", "Free some and run it again.")


def test_a_step_that_half_precision_lacks_is_told_with_the_precision_that_has_it() -> None:
    text = "\"nll_loss2d_forward_out_frame\" not implemented for 'Half'\nand more"
    assert failure_of(RuntimeError(text)) == Failure(
        "RuntimeError", text.splitlines()[0], "Try trainer.precision=bf16."
    )


def test_a_plain_error_is_told_without_advice_in_its_first_line() -> None:
    assert failure_of(ValueError("  one\ntwo")) == Failure("ValueError", "ValueError: one", "")
    assert failure_of(ValueError()) == Failure("ValueError", "ValueError: without a message", "")


def test_what_was_raised_on_purpose_keeps_its_own_words() -> None:
    known = Circumstances(batch_size=4)
    assert failure_of(NonFiniteLossError("loss is nan", step=7, advice="Try less."), known) == Failure(
        "NonFiniteLossError", "loss is nan", "Try less.", 7
    )
    assert failure_of(CheckpointError("a.pt", "is damaged")).reason == "a.pt: is damaged"
    assert failure_of(KeyError("x")).reason == "KeyError: 'x'"
    assert failure_of(SystemExit(3)).reason == "SystemExit: 3"


def test_the_line_of_the_tasks_own_code_is_named_whoever_raised() -> None:
    """The library's own frames are the last, and say nothing to whoever wrote the task."""
    error = met(lambda: torch.nn.functional.linear(torch.zeros(2) @ torch.zeros(3), torch.zeros(1)))
    assert re.search(r" \(test_failures\.py:\d+\)$", failure_of(error).reason)
    parsing = met(lambda: Path("/nowhere").read_text())
    assert "(test_failures.py:" in failure_of(parsing).reason
