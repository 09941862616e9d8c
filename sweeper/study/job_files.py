"""What a run starts from, on disk: its configuration, its overrides, its job."""

from typing import Any

import yaml

from sweeper.layout import write_atomic
from sweeper.study.jobs import job_for
from sweeper.study.plan import Plan
from sweeper.study.prefix_files import PrefixFiles
from sweeper.study.sharing import NoSharing, RunsToCome, SharedPrefixes, Sharing
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec


class JobFiles:
    """Makes the jobs of a study's runs, and writes the files that they and their readers want."""

    def __init__(self, plan: Plan, sharing: Sharing) -> None:
        self._plan, self._folder, self._sharing = plan, plan.folder, sharing
        tracking = plan.settings.tracking
        self._has_system_metrics = tracking.name != "none" and tracking.system_metrics

    def job_of(self, trial: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        """The job that trains a run on `slot`; its files are written."""
        folder = self._folder.run(trial, seed)
        parts = self._plan.factory.run_parts(trial, seed, folder)
        needs = DeviceNeeds(device=slot.device, n_threads=slot.n_threads, is_alone=is_alone)
        asked = self._has_system_metrics
        alone = job_for(
            self._plan.study, trial, seed, attempt, folder, parts, needs, has_system_metrics=asked
        )
        job = self._sharing.shared(alone, trial, slot)
        # not waited for: where a power cut loses them, the run's next attempt writes them again
        write_atomic(folder.config, _yaml({**trial.config, "seed": seed}), flush=False)
        write_atomic(folder.overrides, _yaml(list(parts.overrides)), flush=False)
        write_atomic(folder.job, job.model_dump_json(indent=2), flush=False)
        return job


def _yaml(value: Any) -> str:
    """As `yaml.safe_dump` writes it, by libyaml where that is there."""
    return str(yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))


def sharing_of(plan: Plan, runs: RunsToCome) -> Sharing:
    """What `study.share` asks for; what a session of a program has in common nobody knows."""
    factory, folder = plan.factory, plan.folder
    if plan.settings.study.share == "off":
        return NoSharing()
    n_points = 0 if plan.sweep.points is None else len(plan.sweep.points)
    is_open = plan.sweep.is_adaptive or n_points >= len(plan.drafts)
    return SharedPrefixes(
        PrefixFiles(folder.prefixes),
        runs,
        plan.drafts,
        factory.run_path,
        factory.eval_every,
        lambda trial, seed: folder.run(trial, seed).checkpoint,
        is_open=is_open,
    )
