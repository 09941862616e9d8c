"""A study's agents as the tasks of a SLURM job array.

State is `squeue`'s and `scontrol`'s, which every SLURM has; `sacct` needs a database that many have not.
"""

import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from sweeper.errors import Fault, UserError
from sweeper.executors.agent_call import AgentCall
from sweeper.executors.replacing import Replacing
from sweeper.executors.waiting import Waiting
from sweeper.wording import duration, plural, slugify

LEAVE_S = 15.0
"""How long agents that run may take to leave by themselves, once the study is over."""
EMPTY_S, AGAIN_S = 60.0, 10.0
COMMAND_S = 60.0
LAST_LINES, LAST_CHARACTERS = 3, 400
TRAVELS = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "LANG", "LC_ALL")
"""What of our environment an agent needs to start; secrets may be in the rest, so that it stays here."""
ALIVE = {
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING"),
    *("REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "STAGE_OUT"),
}
FAILED = {"FAILED", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}


@dataclass(frozen=True)
class Task:
    """One task of a job array, as `squeue` knows it. `age_s`: how long it has run, or did."""

    job: str
    index: str
    state: str
    age_s: float
    reason: str

    @property
    def name(self) -> str:
        """As SLURM's commands take it."""
        return f"{self.job}_{self.index}"


class SlurmAgents:
    """Follows `launcher.Launching`."""

    def __init__(self, call: AgentCall) -> None:
        self._call, self._folder = call, Path(call.folder)
        self._jobs = list(call.jobs)
        self._ended: set[str] = set()
        self._have_run: set[str] = set()
        self._due: list[tuple[float, str]] = []
        self._replacing, self._waiting = Replacing(), Waiting(call.wait_s)
        self._told_of: set[str] = set()

    @property
    def jobs(self) -> Sequence[str]:
        """The numbers of the job arrays."""
        return self._jobs

    def launch(self) -> None:
        """One job array of all agents."""
        if not self._jobs:
            self._jobs.append(self._submit(f"0-{self._call.n_agents - 1}"))

    def look(self) -> list[str]:
        """What became of tasks that ended, and what those that have not begun wait for."""
        tasks = tasks_of(self._jobs)
        said = [line for task in tasks if self._is_new_end(task) for line in self._told_end(task)]
        self._submit_due()
        self._hurry(tasks)
        return said + self._waiting.told(time.monotonic(), waited_for(tasks, self._call.n_agents))

    def cancel(self) -> None:
        """Those that wait at once, those that run once they had the time to leave by themselves."""
        self._scancel("--state=PENDING")
        self._wait_until_empty(LEAVE_S)
        deadline = time.monotonic() + EMPTY_S
        while time.monotonic() < deadline:  # a controller that is away for a while comes back
            self._scancel()
            if self._wait_until_empty(AGAIN_S):
                return

    def _submit(self, indices: str) -> str:
        call = self._call
        self._folder.mkdir(parents=True, exist_ok=True)
        script = self._folder / "agent.sh"
        script.write_text(script_of(call))
        try:
            done = _called(["sbatch", "--parsable", *options_of(call, indices), *call.sbatch, str(script)])
        except FileNotFoundError:
            advice = "Start the study where SLURM's commands are, as on a login node."
            raise UserError(Fault("executor", "got slurm; there is no sbatch here", advice)) from None
        except subprocess.TimeoutExpired:
            raise UserError(Fault("executor", f"sbatch gave no answer within {COMMAND_S:g} s")) from None
        if done.returncode:
            got = f"got [{', '.join(call.sbatch)}]; sbatch refuses: {_one_line(done.stderr)}"
            raise UserError(Fault("executor.sbatch", got, "Give options that this cluster takes."))
        return done.stdout.strip().partition(";")[0]

    def _is_new_end(self, task: Task) -> bool:
        """Whether the task has ended since the last look; one that was queued again may end again."""
        if task.state in ALIVE:
            self._ended.discard(task.name)
            return False
        is_new = task.name not in self._ended
        self._ended.add(task.name)
        return is_new

    def _told_end(self, task: Task) -> Iterator[str]:
        if task.state == "CANCELLED":
            yield f"agent {task.index} (job {task.name}) was cancelled, and is not replaced"
            return
        how = self._how(task)
        is_own_fault = task.state == "FAILED" and "with exit code" in how
        delay_s = self._replacing.delay_s(task.index, task.age_s, is_killed=not is_own_fault)
        then = "another one is submitted"
        if delay_s is None:
            then = "no other is submitted in its place"
        else:
            self._due.append((time.monotonic() + delay_s, task.index))
        line = f"agent {task.index} (job {task.name}) {how}; {then}"
        if _without_numbers(line) not in self._told_of:
            yield line
        self._told_of.add(_without_numbers(line))

    def _how(self, task: Task) -> str:
        if task.state == "COMPLETED":
            return f"left after {duration(task.age_s)}"
        if task.state == "TIMEOUT":
            return f"was ended by its time limit, after {duration(task.age_s)}"
        if task.state not in FAILED:
            return f"was ended ({task.state.lower().replace('_', ' ')}) after {duration(task.age_s)}"
        how = f"failed after {duration(task.age_s)} with {exit_code_of(task.name)}"
        log = self._folder / f"agent-{task.job}_{task.index}.log"
        return f"{how}: {words}; its log is {log}" if (words := _last_words(log)) else how

    def _submit_due(self) -> None:
        now = time.monotonic()
        due = {index for at, index in self._due if at <= now}
        if due:
            self._jobs.append(self._submit(",".join(sorted(due))))
        self._due = [(at, index) for at, index in self._due if at > now]

    def _hurry(self, tasks: Sequence[Task]) -> None:
        """An agent that lost its place may take another at once; SLURM would wait two minutes."""
        self._have_run |= {task.name for task in tasks if task.state == "RUNNING"}
        for task in tasks:
            if task.state == "PENDING" and task.reason == "BeginTime" and task.name in self._have_run:
                _called(["scontrol", "update", f"JobId={task.name}", "StartTime=now"])
                self._have_run.discard(task.name)

    def _scancel(self, *options: str) -> None:
        if self._jobs:
            with suppress(OSError, subprocess.SubprocessError):
                _called(["scancel", "--quiet", *options, *self._jobs])

    def _wait_until_empty(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with suppress(OSError, RuntimeError, subprocess.SubprocessError):
                if not any(task.state in ALIVE for task in tasks_of(self._jobs)):
                    return True
            time.sleep(0.5)
        return False


def script_of(call: AgentCall) -> str:
    """What a task of the array runs: an agent in the place of the shell, so that signals reach it."""
    kept = {name: os.environ[name] for name in TRAVELS if name in os.environ}
    lines = [f"export {name}={quote(value)}" for name, value in {**kept, **call.environment}.items()]
    agent = " ".join(map(quote, call.command_with_file))
    head = ["#!/bin/bash", f"# an agent of the study {slugify(call.study)}"]
    return "\n".join([*head, *lines, f"cd {quote(call.cwd)} && exec {agent}", ""])


def options_of(call: AgentCall, indices: str) -> list[str]:
    """Ours; those of a user that come later win."""
    return [
        f"--array={indices}",
        f"--job-name=sweeper-{slugify(call.study)}",
        f"--output={call.folder.replace('%', '%%')}/agent-%A_%a.log",
        f"--cpus-per-task={call.n_threads}",
        "--ntasks=1",
        "--export=NONE",
        "--requeue",
        "--open-mode=append",
        "--signal=B:USR1@30",
    ]


def tasks_of(jobs: Sequence[str]) -> list[Task]:
    """All tasks of these jobs that SLURM still knows. Raises RuntimeError where it cannot be asked."""
    if not jobs:
        return []
    form = "%F|%K|%T|%M|%r"
    done = _called(["squeue", "-h", "-r", "-t", "all", "-o", form, "-j", ",".join(jobs)])
    if done.returncode and "Invalid job id" not in done.stderr:
        raise RuntimeError(f"squeue: {_one_line(done.stderr)}")
    lines = [line.split("|", 4) for line in done.stdout.splitlines() if line.count("|") >= 4]
    return [Task(job, index, state, seconds(age), reason) for job, index, state, age, reason in lines]


def seconds(age: str) -> float:
    """Of a time as `squeue` writes it: `5:07`, `1:02:03`, `2-03:00:00`; 0 for what is none."""
    days, _, rest = age.rpartition("-")
    if not re.fullmatch(r"(\d+:)*\d+", rest):
        return 0.0
    total = 0
    for part in rest.split(":"):
        total = 60 * total + int(part)
    return float(total + 86400 * int(days or 0))


def waited_for(tasks: Sequence[Task], n_agents: int) -> str:
    """How many wait in the queue and, in SLURM's words, for what; empty where none does."""
    reasons = Counter(task.reason for task in tasks if task.state == "PENDING")
    if not reasons:
        return ""
    n_running = sum(task.state == "RUNNING" for task in tasks)
    waiting = ", ".join(f"{n} for {reason}" for reason, n in reasons.most_common())
    return f"{n_running} of {plural(n_agents, 'agent')} running; waiting: {waiting}"


def exit_code_of(task: str) -> str:
    """`exit code 3` or `signal 9` of a task that has ended, as far as SLURM still knows."""
    done = _called(["scontrol", "show", "job", "-o", task])
    found = re.search(r"\bExitCode=(\d+):(\d+)", done.stdout)
    if found is None:
        return "an exit code that SLURM does not know any more"
    return f"signal {found[2]}" if found[2] != "0" else f"exit code {found[1]}"


def _called(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=COMMAND_S
    )


def _one_line(words: str) -> str:
    return " ".join(words.split()) or "without a word"


def _last_words(log: Path) -> str:
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return " / ".join(lines[-LAST_LINES:])[-LAST_CHARACTERS:]


def _without_numbers(line: str) -> str:
    return re.sub(r"\d+", "#", line)
