from .run import (
    hydra_faults_in_a_line as hydra_faults_in_a_line,
    run_app as run_app,
    run_command as run_command,
)
