"""python enqueue.py <steps> ...: a study in which these trials wait, in this order."""

import sys

import optuna

study = optuna.create_study(storage="sqlite:///studies.db", study_name="esmm", direction="maximize")
for steps in sys.argv[1:]:
    study.enqueue_trial({"steps": int(steps)})
