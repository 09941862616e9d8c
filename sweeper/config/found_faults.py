"""What is wrong with a command line, collected: one fault does not keep others from being found."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from sweeper.config.compose import Composer, Configuration
from sweeper.errors import Fault, UserError
from sweeper.schema import Settings
from sweeper.search import Point, text_of

MAX_FAULTS = 100
T = TypeVar("T")


class Findings:
    """Faults, each once, in the order in which they were found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = {str(fault): fault for fault in faults}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All that was found, but for what follows from others of it."""
        wrong = {fault.where for fault in self._faults.values()}
        return tuple(fault for fault in self._faults.values() if fault.follows_from not in wrong)

    def add(self, faults: Iterable[Fault]) -> None:
        """Remember these, but for what is known."""
        for fault in faults:
            self._faults.setdefault(str(fault), fault)

    def collect(self, check: Callable[[], T]) -> T | None:
        """What a check returns; None, its faults remembered, where it raises them."""
        try:
            return check()
        except UserError as error:
            self.add(error.faults)
            return None

    def checked(self, composer: Composer, overrides: Sequence[str]) -> Configuration | None:
        """The configuration at `overrides`; None, its faults remembered, where its values cannot be used."""
        try:
            config, faults = composer.attempt(overrides)
        except UserError as error:
            self.add(error.faults)
            return None
        self.add(faults)
        try:
            return Configuration(config, *composer.validate(config, overrides))
        except UserError as error:
            self.add(fault for fault in error.faults if not _repeats(fault, faults))
            return None

    def at_each(self, composer: Composer, points: Iterable[Point]) -> dict[tuple[str, ...], Configuration]:
        """The configurations that can be had, by their points' overrides; MAX_FAULTS faults are enough."""
        found: dict[tuple[str, ...], Configuration] = {}
        for point in points:
            checked = self.checked(composer, point.overrides)
            if checked is not None:
                found[tuple(point.overrides)] = checked
            if len(self._faults) >= MAX_FAULTS:
                break
        return found

    def baseline(self, composer: Composer, settings: Settings) -> Configuration | None:
        """The baseline's configuration, at `study.baseline`; what only it has wrong is said of it."""
        if missing := list(unchosen(composer, settings.study.baseline)):
            self.add(replace(fault, where=f"baseline: {fault.where}") for fault in missing)
            return None
        alone = Findings(())
        checked = alone.checked(composer, settings.study.baseline)
        own = [fault for fault in alone.faults if str(fault) not in {str(known) for known in self.faults}]
        self.add(_of_baseline(own, _keys(composer.fixed)))
        return checked


def unchosen(composer: Composer, baseline: Sequence[str]) -> Iterable[Fault]:
    """A fault for each group that has to be chosen, is swept, and is not chosen by the baseline."""
    keys = _keys(baseline)
    for group in sorted(composer.source.required - keys - _keys(composer.fixed)):
        lines = text_of([*baseline, f"{group}={composer.source.options(group)[0]}"])
        problem = f"no option is chosen; expected one of {', '.join(composer.source.options(group))}"
        yield Fault(group, problem, f'The swept ones are the candidates\'. Write "study.baseline={lines}".')


def _keys(lines: Iterable[str]) -> set[str]:
    return {line.lstrip("+").partition("=")[0] for line in lines}


def _of_baseline(faults: Iterable[Fault], fixed: Collection[str]) -> Iterable[Fault]:
    """Faults of the baseline alone: it has the fixed overrides (of these keys) and its own, no swept ones."""
    for fault in faults:
        where = f"baseline: {fault.where}"
        if fault.where not in fixed:
            yield replace(fault, where=where)
            continue
        only = f"Where candidates alone should have it, sweep one value: {fault.where}=choice(...)."
        # candidates know the key: the hint how to get it is no news
        yield replace(fault, where=where, problem=fault.problem.partition("; did you ")[0], advice=only)


def _repeats(fault: Fault, earlier: Sequence[Fault]) -> bool:
    """Whether validation says again what is known of the same key, or of a section around it."""
    return any(fault.where == known.where or fault.where.startswith(f"{known.where}.") for known in earlier)
