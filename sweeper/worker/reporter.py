"""What one run says: messages to the parent, evaluations to metrics.jsonl, the rest to log.txt."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeper.layout import RunFolder, write_atomic
from sweeper.messages import Alive, Failed, Finished, Message, Reply, Reported, Started, Stopped
from sweeper.trial import JobSpec, RunSpec, member_facts

Report = Callable[[Message], Reply]
"""Hands a message to the parent; the reply matters for `Reported` only."""

Spoken = Started | Alive | Reported | Finished | Stopped | Failed


@dataclass(frozen=True)
class MetricsFile:
    """One JSON object a line; each has `global_step`."""

    path: Path

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows, flushed to disk: a checkpoint written later never knows of rows that are not here."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> list[dict[str, Any]]:
        """All rows, in the order in which they were written."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def drop_after(self, step: int) -> None:
        """Forget evaluations after `step`, which a resumed run repeats, and lines that are damaged."""
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        kept = [line for line in text.splitlines(keepends=True) if _step_of(line, step + 1) <= step]
        write_atomic(self.path, "".join(kept))


def _step_of(line: str, unless: int) -> int:
    """The step of an evaluation; `unless` of a line that is none, or only half of one."""
    try:
        return int(json.loads(line)["global_step"]) if line.endswith("\n") else unless
    except (ValueError, KeyError, TypeError):
        return unless


class Reporter:
    """Speaks for one run of one job."""

    def __init__(self, job: JobSpec, run: RunSpec, report: Report) -> None:
        self.folder = RunFolder(Path(run.folder))
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.metrics = MetricsFile(self.folder.metrics)
        self._report = report
        self._run = member_facts(job, run)

    def log(self, text: str) -> None:
        """Add `text` to the run's log, with the time."""
        with self.folder.log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")

    def send(self, kind: type[Spoken], **facts: Any) -> Reply:
        """Hand over a message of this run; waits for the answer where the parent gives one."""
        return self._report(kind.model_validate({**self._run, **facts}))
