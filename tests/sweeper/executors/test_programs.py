"""Programs in a slot's worker, between jobs of the trainer's."""

import os
from pathlib import Path

from sweeper.executors.local import LocalExecutor
from sweeper.messages import Failed, Finished, Reported, Started, Stopped
from tests.contracts.test_executor_contract import DEADLINE_S, until_ended
from tests.sweeper.executors.test_local import start, wait_for
from tests.sweeper.worker.programs import REPORT, marked, program_job
from tests.sweeper.worker.toy_jobs import folder_of

SLEEPS = "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"


def test_a_program_is_answered_and_finishes(local: LocalExecutor, tmp_path: Path) -> None:
    source = REPORT + 'import os\nreport(1, {"acc": 0.5})\nprint("path", os.environ["PYTHONPATH"])\n'
    local.submit(local.slots[0], job := program_job(tmp_path, source))
    messages = until_ended(local, job)
    assert [type(message) for message in messages] == [Started, Reported, Finished]
    (line,) = [line for line in folder_of(job).log.read_text().splitlines() if line.startswith("path ")]
    *own, ours = line.removeprefix("path ").split(os.pathsep)
    assert os.pathsep.join(own) == os.environ.get("PYTHONPATH", "")
    assert Path(ours).name.startswith("sweeper-")


def test_a_program_is_stopped_with_its_job(local: LocalExecutor, tmp_path: Path) -> None:
    start(local, job := program_job(tmp_path, SLEEPS))
    local.stop(job.job_id)
    last = until_ended(local, job)[-1]
    assert isinstance(last, Stopped)
    assert last.why == "interrupted"
    assert marked(tmp_path / "run") == []


def test_the_next_attempt_waits_until_the_program_of_a_dead_worker_is_gone(
    local: LocalExecutor, tmp_path: Path
) -> None:
    """It ignores SIGTERM, and writes until it is killed; what it held is then free."""
    stubborn = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPS}"
    start(local, job := program_job(tmp_path, stubborn))
    wait_for(lambda: "ready" in folder_of(job).log.read_text())
    local.kill(job.job_id, "a test")
    assert marked(tmp_path / "run") != []
    local.receive(0.1)
    local.submit(
        local.slots[0], again := program_job(tmp_path, f"import os\n{REPORT}report(1, {{'acc': 1}})")
    )
    began = None
    while began is None:
        began = next((m for m in local.receive(DEADLINE_S) if isinstance(m, Started | Failed)), None)
    assert isinstance(began, Started)
    assert len(marked(tmp_path / "run")) <= 2  # the new one and its supervisor
    assert isinstance(until_ended(local, again)[-1], Finished)
