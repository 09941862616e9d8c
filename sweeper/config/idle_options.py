"""What the user configures that has no effect, in a study or in one run: a warning, always."""

import re
from collections.abc import Iterable, Iterator, Mapping

OF_HYDRA = {
    "hydra.sweep": "a study writes below study.results_dir",
    "hydra.run": "a study writes below study.results_dir",
    "hydra.output_subdir": "a study writes below study.results_dir",
    "hydra.job.chdir": "runs of a study change no folder",
    "hydra.job.env_set": "jobs have the environment of this process: set variables before it starts",
    "hydra.job.env_copy": "jobs have the environment of this process",
    "hydra.job": "a study names its runs itself, see study.name",
    "hydra.job_logging": "runs of a study write their own logs below study.results_dir",
    "hydra/job_logging": "runs of a study write their own logs below study.results_dir",
    "hydra.launcher": "the section executor says where jobs run",
}
"""Options of Hydra that its own launchers would act on; a study starts its jobs itself."""
OF_STUDY = ("study", "sampler", "pruner", "plan", "tracking", "hydra.sweeper", "hydra/sweeper", "hydra.sweep")
OF_ONE_RUN = re.compile(
    r"study\.(results_dir|dry_run|metrics|trials)\b|study$|tracking(=none|\.name=none)|(sampler|pruner)=none|plan=parallel"
)
"""What means something to one run, or asks for what it does anyway."""


def idle_in_study(lines: Iterable[str], origins: Mapping[str, str]) -> Iterator[str]:
    """A warning for each option of Hydra's, on the command line or in the user's files, that does nothing."""
    given = {_key(line): f"'{line}'" for line in lines}
    given = {key: path for key, path in origins.items() if key.startswith("hydra.")} | given
    for key, source in given.items():
        start = next((start for start in OF_HYDRA if _is_below(key, start)), None)
        if start is not None and not _is_section(key, given):
            yield f"{key}: has no effect on a study (from {source}); {OF_HYDRA[start]}"


def idle_in_one_run(lines: Iterable[str]) -> list[str]:
    """A warning that names what only a study acts on."""
    idle = [line for line in lines if any(_is_below(_key(line), start) for start in OF_STUDY)]
    idle = [line for line in idle if not OF_ONE_RUN.match(line.lstrip("+~"))]
    if not idle:
        return []
    said = ", ".join(f"'{line}'" for line in idle)
    return [f"{said}: no effect on one run, which trains one configuration on one seed; add -m for a study"]


def _key(line: str) -> str:
    return line.lstrip("+~").partition("=")[0].partition("@")[0]


def _is_below(key: str, start: str) -> bool:
    return key == start or key.startswith((f"{start}.", f"{start}/"))


def _is_section(key: str, known: Iterable[str]) -> bool:
    return any(other.startswith(f"{key}.") for other in known)
