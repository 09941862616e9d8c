"""Writes the pages of all keys, from the values and comments in YAML: python -m docs.reference.make."""

from pathlib import Path

from docs.reference.options import ALIAS, OF_APPS, Key, Option, read_options

HERE = Path(__file__).parent

OWN = ("trainer", "optimizer", "sampler", "pruner", "executor", "tracking", "monitor", "plan")
"""Groups of the sweeper's own, in the order of the page."""
OF_TASKS = ("aux_focal", "data", "loss", "model")
"""Groups in which tasks have options of their own: `<task>/<name>`."""
PLUGIN = "hydra/sweeper"
"""The group of the plugin; its choices are in groups below."""
CHOICES = ("sampler", "pruner", "executor", "tracking")
"""Groups of which an app has options of its own, in the order of its page."""
RULES = "monitor/rules"
"""The group of rules: an option for any task, and one of each task's own, by its name."""
OF_ESMM = ("aux_focal",)
"""Groups that only `esmm` has; their options are called by their bare names."""
JUDGED_BY = ("task.metric", "task.direction", "task.baseline", "task.default_sweep")
"""What a task's page shows of its section `task`; the rest is the same in all."""
ABOUT = {"esmm": "../explanation/aux_focal.md"}
"""Pages about tasks that have none beside their code."""
NOTICE = "<!-- Made by docs/reference/make.py from {}. Change the comments there, then run it again. -->"
OF_CONF = NOTICE.format("conf/")

Options = dict[tuple[str, str], Option]
"""By group and name."""


def pages() -> dict[str, str]:
    """All pages by file name."""
    options = read_options()
    tasks = sorted(name for group, name in options if group == "task")
    own = {"keys.md": own_page(options, tasks), "keys_app.md": app_page(read_options(OF_APPS))}
    return own | {f"keys_{task}.md": task_page(task, options) for task in tasks}


def own_page(options: Options, tasks: list[str]) -> str:
    """The keys that all tasks share."""
    sections = ("seed and study", *OWN, "task", "hydra")
    plugin = options["hydra/sweeper", "optuna_study"]
    parts = [
        "# All keys of the sweeper",
        OF_CONF,
        "Here are the keys that all tasks share. Each task's own are on a page of their own: "
        + ", ".join(f"[{task}](keys_{task}.md)" for task in tasks)
        + ". Defaults and meanings come from [`conf/`](../../conf/).",
        "Change a key with `key=value`, and choose a file with `group=option`. `sweeper --cfg job` prints "
        "what that gives. Types and ranges are checked before anything runs. The key `name` of a file "
        "repeats the option's name, and is left out here.",
        "Sections: " + ", ".join(f"[{name}](#{name.replace(' ', '-')})" for name in sections) + ".",
        "## seed and study",
        table([key for key in options["", "config"].keys if key.section in ("seed", "study")]),
    ]
    for group in OWN:
        parts += group_sections(group, [option for option in options.values() if option.group == group])
    parts += group_sections(RULES, [options[RULES, "any"]])
    parts += [
        "## task",
        "Each task gives these keys values of its own. Those of `task=esmm`:",
        table([key for key in options["task", "esmm"].keys if key.section == "task"]),
        "## hydra",
        plugin.about,
        table(plugin.keys),
    ]
    return joined(parts)


def app_page(options: Options) -> str:
    """The keys that the plugin brings into an app."""
    plugin, alias = options[PLUGIN, "optuna_study"], read_options(ALIAS)[PLUGIN, "optuna"]
    parts = [
        "# Keys of an app",
        NOTICE.format("hydra_plugins/optuna_study/"),
        "Here are the keys that `hydra/sweeper=optuna_study` adds to a Hydra app, all of them below "
        "`hydra.sweeper`: on the app's command line, or in its configuration. After `sweeper run --cmd` that "
        "beginning is left out: `study.n_seeds=5`, `pruner=asha`. [Your app](../tutorials/your_app.md) has "
        "those that matter most. [What users of hydra-optuna-sweeper write](hydra_optuna_sweeper.md) keeps "
        "its meaning.",
        f"## {PLUGIN}={plugin.name}",
        plugin.about,
        brings(plugin),
        table(plugin.keys),
        f"## {PLUGIN}={alias.name}",
        alias.about,
        f"As `{PLUGIN}={plugin.name}`, except:",
        table(alias.keys),
    ]
    for name in CHOICES:
        group = f"{PLUGIN}/{name}"
        parts += group_sections(group, [option for option in options.values() if option.group == group])
    return joined(parts)


def task_page(task: str, options: Options) -> str:
    """The keys of one task."""
    option = options["task", task]
    about = ABOUT.get(task, f"../../tasks/sweeper_tasks/{task}/README.md")
    parts = [
        f"# Keys of `task={task}`",
        OF_CONF,
        option.about,
        f"[What the task is about]({about}). [The keys that all tasks share](keys.md).",
        f"## task={task}",
        brings(option),
        table([key for key in option.keys if key.section != "task" or key.path in JUDGED_BY]),
    ]
    for group in OF_TASKS:
        found = [option for option in options.values() if option.group == group]
        parts += group_sections(group, [option for option in found if belongs_to(task, option)])
    parts += group_sections(RULES, [options[RULES, task]])
    parts += ["## sweep", "Documented grids. `sweep=<name>` chooses the task, too."]
    for grid in options.values():
        if grid.group == "sweep" and f"task={task}" in grid.brings:
            parts += [f"### sweep={grid.name}", grid.about, table_of_trials(grid.keys)]
    return joined(parts)


def belongs_to(task: str, option: Option) -> bool:
    """Whether an option of these groups is one of this task."""
    return task == "esmm" if option.group in OF_ESMM else option.name.startswith(f"{task}/")


def group_sections(group: str, options: list[Option]) -> list[str]:
    """A section for each option of a group; nothing where there is none."""
    parts = [f"## {group}"] if options else []
    for option in options:
        based = f"As `{group}={option.base}`, except:" if option.base else ""
        parts += [f"### {group}={option.name}", option.about, brings(option), based, table(option.keys)]
    return parts


def brings(option: Option) -> str:
    """A sentence about the options of other groups that an option chooses."""
    return f"Brings {', '.join(f'`{choice}`' for choice in option.brings)}." if option.brings else ""


def table(keys: tuple[Key, ...] | list[Key]) -> str:
    """A row a key; nothing where there are none."""
    rows = [f"| `{key.path}` | {code(key.default)} | {cell(key.meaning)} |" for key in keys]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows]) if rows else ""


def table_of_trials(keys: tuple[Key, ...]) -> str:
    """The trials of a grid; its baseline where it has one of its own."""
    names = [key.path.removeprefix("study.").removeprefix("trials.") for key in keys]
    rows = [f"| {name} | {code(key.default)} |" for name, key in zip(names, keys, strict=True)]
    return "\n".join(["| trial | overrides |", "|---|---|", *rows])


def code(text: str) -> str:
    """`text` as code, in a cell of a table."""
    return f"`{cell(text)}`" if text else ""


def cell(text: str) -> str:
    """`text`, which may hold `|`, in a cell of a table."""
    return text.replace("|", "\\|")


def joined(parts: list[str]) -> str:
    """Paragraphs as a page; empty ones are left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (HERE / name).write_text(text)


if __name__ == "__main__":
    main()
