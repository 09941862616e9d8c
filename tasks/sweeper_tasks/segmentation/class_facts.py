"""Which classes the masks of a data option hold, and what is true of them. Values are in its YAML."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sweeper.task import StrictModel, did_you_mean, digest_of

IGNORED = 255
"""What stands in prepared masks where a pixel counts nowhere, whatever the files have there."""
MAX_CLASSES = IGNORED
LARGE_FROM = 0.025
"""Share of the training split's pixels from which on a class is large under `large: auto`."""
NOT_NAMES = {"score", "large", "small"}
"""`f_score`, `f_large` and `f_small` are metrics of their own."""
OF_STORED_STUDIES = "sha256:f7ff0228667a75476fa6664fe3f691ab33b2a17393b2d31e8b145cd3c5d026a1"
"""The digest of the facts that all options had before they stated any: the 19 classes of CelebAMask-HQ."""

Value = Annotated[int, Field(ge=0, le=65535)]
Channel = Annotated[int, Field(ge=0, le=255)]
Colour = Annotated[tuple[Channel, Channel, Channel], Field(strict=False)]
Name = Annotated[str, Field(pattern=r"^\w([\w.-]*\w)?$")]
Names = Annotated[tuple[Name, ...], Field(strict=False)]


class ClassFacts(StrictModel):
    """The part of a data section that says what its masks mean; see `conf/data/segmentation/folder.yaml`."""

    classes: Annotated[Names, Field(min_length=2, max_length=MAX_CLASSES)]
    background: Literal["auto"] | Name | None
    mirrored: Annotated[tuple[Annotated[tuple[Name, Name], Field(strict=False)], ...], Field(strict=False)]
    large: Literal["auto"] | Names
    values: Annotated[tuple[Value, ...], Field(strict=False)] | None
    colours: Annotated[tuple[Colour, ...], Field(strict=False)] | None
    ignored: Annotated[tuple[Value | Colour, ...], Field(strict=False)]

    @field_validator("classes")
    @classmethod
    def _told_apart(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a list of different names; '{twice[0]}' is in it more than once")
        if taken := sorted(NOT_NAMES & set(names)):
            raise ValueError(f"other names than {', '.join(taken)}, since f_{taken[0]} is another metric")
        return names

    @model_validator(mode="after")
    def _all_of_known_classes(self) -> "ClassFacts":
        named = {
            "background": () if self.background in ("auto", None) else (self.background,),
            "mirrored": [name for pair in self.mirrored for name in pair],
            "large": () if self.large == "auto" else self.large,
        }
        for key, names in named.items():
            for name in names:
                if name not in self.classes:
                    hint = did_you_mean(name, self.classes) or "; expected one of data.classes"
                    raise ValueError(f"data.{key}: got '{name}'{hint}.")
        if len(set(named["mirrored"])) < len(named["mirrored"]):
            raise ValueError("data.mirrored: got a class in more than one place; expected each once.")
        for key, given in (("values", self.values), ("colours", self.colours)):
            if given is not None and (len(given) != len(self.classes) or len(set(given)) < len(given)):
                raise ValueError(
                    f"data.{key}: got {len(given)}; expected a different one for each of the "
                    f"{len(self.classes)} classes of data.classes, in their order."
                )
        if both := sorted(set(self.ignored_values) & set(self.stored_values)):
            raise ValueError(
                f"data.ignored: got {both[0]}, the value of class '{self.name_of(both[0])}'; expected values "
                "that no class has. To leave a class out of the loss only: loss.ignore_index."
            )
        return self

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def stored_values(self) -> tuple[int, ...]:
        """[C] the value that stands for each class in the files."""
        return tuple(range(len(self.classes))) if self.values is None else self.values

    @property
    def ignored_values(self) -> tuple[int, ...]:
        """The values of pixels that count nowhere."""
        return tuple(one for one in self.ignored if isinstance(one, int))

    @property
    def ignored_colours(self) -> tuple[tuple[int, int, int], ...]:
        """The colours of pixels that count nowhere, in masks of colours."""
        return tuple(one for one in self.ignored if not isinstance(one, int))

    @property
    def background_class(self) -> int | None:
        """The number of the background's class, where there is one; "auto": the one of that name."""
        name = "background" if self.background == "auto" else self.background
        return self.classes.index(name) if name in self.classes else None

    @property
    def swaps(self) -> tuple[tuple[int, int], ...]:
        """Pairs of classes that a flip turns into each other."""
        return tuple((self.classes.index(one), self.classes.index(other)) for one, other in self.mirrored)

    def name_of(self, value: int) -> str:
        """The class that a stored value stands for."""
        return self.classes[self.stored_values.index(value)]

    def groups(self, pixels: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Classes of the groups "large" and "small", by the training split's pixels [C]; none is empty."""
        if self.large == "auto":
            large = {c for c, n in enumerate(pixels) if n >= LARGE_FROM * sum(pixels)}
        else:
            large = {self.classes.index(name) for name in self.large}
        every = range(self.n_classes)
        groups = {"large": [c for c in every if c in large], "small": [c for c in every if c not in large]}
        return {name: tuple(group) for name, group in groups.items() if group}

    def colour_of(self, c: int) -> tuple[int, int, int]:
        """Red, green and blue of a class in predicted masks: its own, or one that differs from others'."""
        return distinct_colour(self.stored_values[c]) if self.colours is None else self.colours[c]

    def palette(self) -> list[int]:
        """Red, green and blue of every value up to 255, one after the other."""
        colours = [distinct_colour(value) for value in range(256)]
        for c, value in enumerate(self.stored_values):
            colours[value] = self.colour_of(c)
        return [channel for colour in colours for channel in colour]


def distinct_colour(i: int) -> tuple[int, int, int]:
    """Colour i of the palette of PASCAL VOC's masks: black, and neighbours that differ."""
    red = green = blue = 0
    for bit in range(8):
        red |= ((i >> 3 * bit) & 1) << (7 - bit)
        green |= ((i >> 3 * bit + 1) & 1) << (7 - bit)
        blue |= ((i >> 3 * bit + 2) & 1) << (7 - bit)
    return red, green, blue


def stated(data: ClassFacts) -> dict[str, Any]:
    """The facts that a fingerprint covers: none for those of stored studies, which did not state them."""
    facts = data.model_dump(mode="json", include=set(ClassFacts.model_fields))
    return {} if digest_of(ClassFacts.model_validate(facts).model_dump_json()) == OF_STORED_STUDIES else facts
