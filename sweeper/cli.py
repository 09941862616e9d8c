"""What the first word of the command line asks for: a command, or a run or (with `-m`) a study.

A command is a word that has no `=` and begins with a letter; all else is Hydra's. The module of a command is
imported when the command is called, so that `--help` answers at once.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from textwrap import TextWrapper
from typing import NoReturn

from sweeper import __version__
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.layout import CONF
from sweeper.output import lost_output, output_survives

Main = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Command:
    """What a command is for, and the module whose `main(arguments)` returns its exit code."""

    help: str
    module: str


COMMANDS = {
    "studies": Command("list, show, export, publish, clean and delete studies", "sweeper.studies"),
    "run": Command("a study of your own program: a Hydra app, or any command line", "sweeper.run_program"),
    "verdict": Command("a verdict on runs that exist, in a table of yours", "sweeper.judge_runs"),
    "predict": Command("let a study's model read files of yours", "sweeper.predict"),
}
RUN = Command("one run, or with -m a study", "sweeper.run_study")
LIKE_A_COMMAND = re.compile(r"[A-Za-z][\w-]*")
HELP = {"-h", "--help"}
USAGE = """\
usage: sweeper [key=value ...]      one run
       sweeper -m [key=value ...]   a study
       sweeper COMMAND ...

Trains one configuration, or sweeps many against a baseline and gives a verdict.
`python -m sweeper` is the same.

  sweeper                                    one run
  sweeper -m aux_focal.lambda=0.05,0.1,0.2   a grid, its baseline, three seeds
  sweeper -m sweep=esmm_aux_focal            a documented grid with named trials
  sweeper -m 'optimizer.lr=tag(log,interval(1e-4,1e-2))' study.n_trials=40
  sweeper -m ... study.dry_run=true          the plan only
  sweeper --cfg job                          the configuration, as composed

Commands (sweeper COMMAND --help tells more):
{commands}

Flags:
  -m, --multirun        a study; without it, one run
  --config-dir FOLDER   configurations of yours, beside those of the program
  --cfg job             print the configuration instead of running it
  --info searchpath     print where configurations are looked for
  --hydra-help          all flags of Hydra
  --version

Choices (group=option; keys and their defaults: --cfg job):
{choices}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of what the command line asks for."""
    with output_survives():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    first = words[0] if words else ""
    if first in COMMANDS:
        return _main_of(COMMANDS[first])(words[1:])
    if LIKE_A_COMMAND.fullmatch(first):
        return exit_code(lambda: refuse(first))
    if words == ["--version"]:
        return exit_code(lambda: print(f"sweeper {__version__}"))
    if HELP & set(words):
        return exit_code(lambda: print(help_text(words)))
    from sweeper.study import leave_at_a_signal
    from sweeper.worker import collector_resting

    leave_at_a_signal()  # what follows takes a second to import
    if os.getcwd() not in {os.path.abspath(folder) for folder in sys.path}:
        # a task beside the user is found as with `python -m`; last, so that it shadows nothing
        sys.path.append(os.getcwd())
    with collector_resting():  # until a study, or a run, is about to begin
        return _main_of(RUN)(words)


def exit_code(command: Callable[[], None], where: str = "sweeper", *, prints_result: bool = False) -> int:
    """0; 2 with a line on stderr for each thing that the user can mend; 130 after Ctrl-C.

    `prints_result`: the command has failed where not all that it printed was written. A reader that has
    seen enough (`... | head`) is no failure.
    """
    try:
        command()
        sys.stdout.flush()
        return 2 if prints_result and lost_output() else 0
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        parts = [where, error.filename, error.strerror or error]
        print(*(part for part in parts if part), sep=": ", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def refuse(word: str) -> NoReturn:
    """Raise the UserError of a first word that is no command."""
    suggestion = did_you_mean(word, COMMANDS)
    *others, last = COMMANDS
    advice = "" if suggestion else f"There are {', '.join(others)} and {last}; values are given as key=value"
    raise UserError(Fault(word, f"no such command{suggestion}", advice))


def help_text(words: Sequence[str]) -> str:
    """The commands with a line each, and every choice, those of `--config-dir` in `words` among them."""
    finder = Parser(prog="sweeper", add_help=False, allow_abbrev=False)
    finder.add_argument("--config-dir", "-cd", type=Path)
    own = finder.parse_known_args(words)[0].config_dir
    commands = "\n".join(f"  {name:<10}{command.help}" for name, command in COMMANDS.items())
    return USAGE.format(commands=commands, choices="\n".join(_choices([CONF, own] if own else [CONF])))


def _choices(folders: Sequence[Path]) -> Iterator[str]:
    """A line for each config group with its options, as their files are called."""
    files = {path.relative_to(folder) for folder in folders for path in folder.rglob("*.yaml")}
    groups: dict[str, list[str]] = {}
    for path in sorted(files):
        group, *option = path.with_suffix("").parts
        if option and group != "hydra":
            groups.setdefault(group, []).append("/".join(option))
    lines = TextWrapper(
        shutil.get_terminal_size().columns, subsequent_indent=" " * 13, break_on_hyphens=False
    )
    for group, options in groups.items():
        lines.initial_indent = f"  {group:<11}"
        yield lines.fill(", ".join(options))


def _main_of(command: Command) -> Main:
    found: Main = import_module(command.module).main
    return found


class Parser(argparse.ArgumentParser):
    """Tells what is wrong with its arguments in one line, as all commands do, and exits with 2."""

    def error(self, message: str) -> NoReturn:
        """Exit with the fault that argparse found."""
        self.exit(2, f"{self._fault(message)}\n")

    def _fault(self, message: str) -> Fault:
        choice = re.fullmatch(r"argument (.+): invalid choice: '(.*)' \(choose from (.+)\)", message)
        if choice is None:
            return Fault(self.prog, message, f"See {self.prog} --help")
        where, got, known = choice[1], choice[2], re.findall(r"[^', ]+", choice[3])
        return Fault(where, f"got '{got}'; expected one of {', '.join(known)}{did_you_mean(got, known)}")
