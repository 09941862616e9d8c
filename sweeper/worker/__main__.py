"""`python -m sweeper.worker job.json`: run one job again by hand.

It goes on from the run's last checkpoint where there is one. Ctrl-C and SIGTERM have it write one after the
present step. Exit code 0: finished; 1: failed; 2: not a job; 130 or 143: told to stop.
"""

import sys
from pathlib import Path

from pydantic import ValidationError

from sweeper.messages import Alive, Failed, Finished, Lost, Message, Reply, Reported, Started, Stopped
from sweeper.trial import JobSpec
from sweeper.worker.lifeline import Lifeline, led_by_signals
from sweeper.worker.runners import run_job

USAGE = "usage: python -m sweeper.worker <job.json>"


def main(arguments: list[str]) -> int:
    """Run the job; print what it reports, one line each."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        job = JobSpec.model_validate_json(Path(arguments[0]).read_text(encoding="utf-8"))
    except OSError as error:
        return _refuse(f"{arguments[0]}: cannot be read ({error.strerror})")
    except ValidationError as error:
        first = error.errors()[0]["msg"]
        return _refuse(f"{arguments[0]}: got no job ({first}); expected a job.json as a study writes it")
    return _run(job.model_copy(update={"leave": ()}))  # nobody waits for what it would leave


def _run(job: JobSpec) -> int:
    heard: list[Message] = []

    def report(message: Message) -> Reply:
        print(line_of(message), flush=True)
        heard.append(message)
        return "continue"

    lifeline = Lifeline()
    with led_by_signals(lifeline) as received:
        try:
            run_job(job, report, lifeline)
        except KeyboardInterrupt:  # the second signal is not waited for
            return 128 + received[0]
    if any(isinstance(message, Failed) for message in heard):
        return 1
    return 128 + received[0] if any(isinstance(message, Stopped) for message in heard) and received else 0


def _refuse(problem: str) -> int:
    print(f"{problem}. {USAGE}", file=sys.stderr)
    return 2


def line_of(message: Message) -> str:
    """A message in one line, the run first."""
    return f"trial {message.trial} seed {message.seed}: {_what(message)}"


def _what(message: Message) -> str:
    match message:
        case Started():
            start = f"starts at step {message.resumed_step} of {message.total_steps} on {message.device}"
            return "; ".join((start, *message.notes))
        case Reported():
            pace = "inherited" if message.is_inherited else f"{message.steps_per_s:.0f} steps/s"
            return f"step {message.step}: {_figures(message.metrics)} ({pace})"
        case Finished():
            kept = f"finished by {message.ended_by}, model of step {message.best_step}"
            return f"{kept}: {_figures(message.metrics)}"
        case Stopped():
            return f"{message.why} at step {message.step}"
        case Alive():
            return f"step {message.step}"
        case Lost():
            return f"lost: {message.reason}"
        case Failed():
            return f"failed: {message.reason}. {message.advice}".rstrip()


def _figures(metrics: dict[str, float]) -> str:
    return " ".join(f"{name}={value:.5g}" for name, value in metrics.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
