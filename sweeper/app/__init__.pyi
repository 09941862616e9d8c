from .run import run_app as run_app, run_command as run_command
