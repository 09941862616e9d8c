"""Types, ranges and units of the sections that belong to esmm; default values are in `conf/`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from sweeper.task import ActiveFrom, ActiveWhen, Cosmetic, Stackable, StrictModel, TaskConfig
from sweeper_tasks.esmm.data_config import DataConfig
from sweeper_tasks.esmm.recorded import CTCVR_PARTS, FOCAL_STATE, HEAD_LOSSES
from sweeper_tasks.esmm.unseen_in_words import lines_of_unseen, warnings_of_unseen

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
Sizes = Annotated[tuple[PositiveInt, ...], Field(strict=False)]
SomeSizes = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]

DOMINATING_LAMBDA = 0.3
"""Above this the auxiliary term is no longer auxiliary; the documented sweep ends at 0.2."""


class MmoeModel(StrictModel):
    """Multi-gate mixture of experts under the two towers (Ma et al. 2018, doi:10.1145/3219819.3220007)."""

    name: Literal["esmm/mmoe"]
    embedding_dim: PositiveInt
    n_experts: PositiveInt
    expert_sizes: SomeSizes
    gate_sizes: Sizes
    tower_sizes: Sizes


class EsmmModel(StrictModel):
    """Two towers on shared tables (Ma et al. 2018, arXiv:1804.07931)."""

    name: Literal["esmm/esmm"]
    embedding_dim: PositiveInt
    tower_sizes: Sizes


ModelConfig = Annotated[MmoeModel | EsmmModel, Field(discriminator="name")]


class StaticPosWeight(StrictModel):
    """What a positive counts for; "auto" is negatives / positives of the training split."""

    ctr: Annotated[Positive | Literal["auto"], Stackable()]
    ctcvr: Annotated[Positive | Literal["auto"], Stackable()]


class LossConfig(StrictModel):
    """Weights of the loss terms, see `EsmmTask.loss`."""

    name: Literal["esmm/bce"]
    w_ctr: Annotated[NonNegative, Stackable()]
    w_ctcvr: Annotated[NonNegative, Stackable()]
    w_cvr_aux: Annotated[NonNegative, Stackable()]
    static_pos_weight: StaticPosWeight


class AuxFocal(StrictModel):
    """The auxiliary focal term on CTCVR. Nothing here changes anything before `warmup_steps`."""

    enabled: Annotated[bool, ActiveFrom("warmup_steps")]
    warmup_steps: Annotated[int, Field(ge=0), Stackable("warmup_steps")]
    target_head: Literal["ctcvr"]
    lambda_: Annotated[float, Field(alias="lambda", ge=0), Stackable("warmup_steps")]
    gamma: Annotated[NonNegative, Stackable("warmup_steps")]
    use_alpha: Annotated[bool, ActiveFrom("warmup_steps")]
    alpha: Annotated[float, Field(ge=0, le=1), ActiveWhen(use_alpha=True), Stackable("warmup_steps")]
    detach_p_for_weight: Annotated[bool, ActiveFrom("warmup_steps")]
    compute_fp32: Annotated[bool, ActiveFrom("warmup_steps")]
    log_components: Annotated[bool, Cosmetic()]

    @field_validator("target_head", mode="before")
    @classmethod
    def _only_ctcvr(cls, head: Any) -> Any:
        if head != "ctcvr":
            raise ValueError(
                f"got {head!r}; expected 'ctcvr'. Only ctcvr is supported: clicks are common enough for "
                "plain cross-entropy, and p_cvr has a label only after a click"
            )
        return head

    def causes_of_inaction(self, max_steps: int) -> set[str]:
        """The keys whose values keep the term from ever acting within `max_steps`; empty where it acts."""
        if not self.enabled:
            return {"enabled"}
        never = {"warmup_steps": self.warmup_steps >= max_steps, "lambda": self.lambda_ == 0}
        return {key for key, holds in never.items() if holds}


class EsmmConfig(TaskConfig):
    """Everything that belongs to the esmm task."""

    data: DataConfig
    model: ModelConfig
    loss: LossConfig
    aux_focal: AuxFocal | None = None

    @property
    def active_focal(self) -> AuxFocal | None:
        """The auxiliary focal section where it is present and enabled."""
        return self.aux_focal if self.aux_focal is not None and self.aux_focal.enabled else None

    @property
    def has_ctcvr_parts(self) -> bool:
        """Whether evaluation also gives the two parts of the CTCVR loss."""
        return self.aux_focal is None or self.aux_focal.log_components

    def inactive(self, max_steps: int) -> set[str]:
        """Also every key of an `aux_focal` that never acts, but for those that keep it from acting."""
        paths = super().inactive(max_steps)
        causes = self.aux_focal.causes_of_inaction(max_steps) if self.aux_focal else set()
        if self.aux_focal and causes:
            keys = {info.alias or name for name, info in AuxFocal.model_fields.items()}
            paths |= {f"aux_focal.{key}" for key in keys - causes - {"enabled"}}
        return paths

    def effective(self, max_steps: int) -> dict[str, Any]:
        """Without any trace of an `aux_focal` that never acts: such a trial is its baseline."""
        acts = self.aux_focal is not None and not self.aux_focal.causes_of_inaction(max_steps)
        return super().effective(max_steps) | ({} if acts else {"aux_focal": None})

    def notices(self, max_steps: int) -> list[str]:
        """Named warnings about an enabled `aux_focal`."""
        aux = self.active_focal
        return [] if aux is None else _warmup_notices(aux, max_steps) + _lambda_notices(aux)

    def describe(self) -> str:
        """What the auxiliary focal term does in this run."""
        aux = self.active_focal
        if aux is None:
            return "aux_focal: off"
        alpha = f"alpha {aux.alpha:g}" if aux.use_alpha else "no alpha"
        gradient = "detached weight" if aux.detach_p_for_weight else "weight with gradient"
        precision = "float32" if aux.compute_fp32 else "the precision of the trainer"
        return (
            f"aux_focal: on; loss_{aux.target_head} + {aux.lambda_:g} x focal from step {aux.warmup_steps} "
            f"(gamma {aux.gamma:g}, {alpha}, {gradient}, computed in {precision})"
        )

    def announce(self, facts: Mapping[str, Any]) -> list[str]:
        """How the files were understood, what was left out of them, ids that training never saw."""
        left_out = [
            f"left out {n} lines (data.skip_bad): {why}" for why, n in facts.get("skipped", {}).items()
        ]
        return [*(f"data: {note}" for note in facts.get("reading", ())), *left_out, *lines_of_unseen(facts)]

    def warnings(self, facts: Mapping[str, Any]) -> list[str]:
        """Columns that are likely not meant as they were read."""
        return [*facts.get("doubts", ()), *warnings_of_unseen(facts)]

    def metric_names(self, facts: Mapping[str, Any], split: str = "val") -> frozenset[str] | None:
        """Those of the trivial predictor, and what is recorded of the loss."""
        if "trivial" not in facts:  # prepared by an earlier version
            return None
        parts = CTCVR_PARTS if self.has_ctcvr_parts else ()
        return frozenset({*facts["trivial"][split], "loss", *HEAD_LOSSES, *parts, *FOCAL_STATE})

    def nan_advice(self) -> str:
        """Float32 for the focal term first."""
        if self.active_focal is None:
            return super().nan_advice()
        if self.active_focal.compute_fp32:
            return f"aux_focal.compute_fp32=true is set already. {super().nan_advice()}"
        return "Try aux_focal.compute_fp32=true."


def _warmup_notices(aux: AuxFocal, max_steps: int) -> list[str]:
    got = f"aux_focal.warmup_steps: got {aux.warmup_steps}"
    if aux.warmup_steps >= max_steps:
        return [
            f"{got} of {max_steps} steps; the focal term never acts: the trial is inactive and equals its "
            f"baseline. Use less than {max_steps}, or train longer."
        ]
    if aux.warmup_steps == 0:
        return [
            f"{got}; unstable start: the focal term acts before the model tells easy from hard examples. "
            "The documented values are 1000 and 2000 of 10000 steps."
        ]
    return []


def _lambda_notices(aux: AuxFocal) -> list[str]:
    if aux.lambda_ <= DOMINATING_LAMBDA:
        return []
    return [
        f"aux_focal.lambda: got {aux.lambda_:g}; above {DOMINATING_LAMBDA:g} the auxiliary term dominates. "
        "The documented values are 0.05, 0.1 and 0.2."
    ]
