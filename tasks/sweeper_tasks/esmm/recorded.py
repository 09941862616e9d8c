"""Names of what esmm records of its loss beside `loss` itself; both configuration and task read them."""

HEAD_LOSSES = ("loss_ctr", "loss_ctcvr", "loss_cvr_aux")
CTCVR_PARTS = ("loss_ctcvr_bce", "loss_ctcvr_focal")
"""The two parts of `loss_ctcvr`, see `aux_focal.log_components`."""
FOCAL_VALUES = ("warmup_steps", "lambda", "gamma")
FOCAL_STATE = tuple(f"aux_focal_{key}" for key in ("enabled", "on", *FOCAL_VALUES))
