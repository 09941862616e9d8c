"""Where runs leave what others begin with: `results/<study>/prefixes/seed<k>/<key>/<device>/`."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweeper.study.prefix_tree import Key, Path as RunSegments, key_at
from sweeper.trial import Slot

WHOLE, MODEL, END = "step", "model", ".pt"


def kind_of(slot: Slot) -> str:
    """Slots of one kind come to the same bits: device and threads."""
    threads = "all" if slot.n_threads is None else str(slot.n_threads)
    return f"{slot.device.partition(':')[0]}-{threads}"


@dataclass(frozen=True)
class Place:
    """What runs of one seed leave of the segment `key`, trained on slots of one kind."""

    root: Path
    seed: int
    key: Key
    kind: str

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self.root / f"seed{self.seed}" / self.key / self.kind

    def whole(self, step: int) -> Path:
        """The whole state after `step`."""
        return self.folder / f"{WHOLE}{step}{END}"

    def model(self, step: int) -> Path:
        """The model that was evaluated at `step`."""
        return self.folder / f"{MODEL}{step}{END}"

    def steps(self) -> list[int]:
        """Those after which the whole state is there; what a crash left half written has another name."""
        names = [path.name for path in self.folder.glob(f"{WHOLE}*{END}")] if self.folder.is_dir() else []
        found = (name.removeprefix(WHOLE).removesuffix(END) for name in names)
        return sorted(int(step) for step in found if step.isdecimal())


@dataclass(frozen=True)
class PrefixFiles:
    """All that runs of a study have left."""

    root: Path

    def place(self, seed: int, key: Key, kind: str) -> Place:
        """Where the segment's files are."""
        return Place(self.root, seed, key, kind)

    def deepest(self, path: RunSegments, seed: int, kind: str) -> tuple[int, Path] | None:
        """The last step after which a run of this path finds what it needs, and where."""
        found = (
            (step, place.whole(step))
            for segment in path
            for place in [self.place(seed, segment.key, kind)]
            for step in place.steps()
            if step <= segment.until
        )
        return max(found, default=None)

    def models(self, path: RunSegments, seed: int, kind: str, every: int, last: int) -> dict[int, Path]:
        """By step, where the models are, or would be, that a run of this path has evaluated until `last`."""
        steps = range(every, last + 1, every)
        return {step: self.place(seed, key_at(path, step), kind).model(step) for step in steps}

    def left(self) -> Iterator[tuple[int, Key]]:
        """Seed and key of all that is there."""
        for folder in self.root.glob("seed*/*"):
            if (seed := folder.parent.name.removeprefix("seed")).isdecimal():
                yield int(seed), folder.name

    def remove(self, seed: int, key: Key) -> None:
        """Nobody begins there any more."""
        shutil.rmtree(self.root / f"seed{seed}" / key, ignore_errors=True)

    def remove_all(self) -> None:
        """The study is over."""
        shutil.rmtree(self.root, ignore_errors=True)
