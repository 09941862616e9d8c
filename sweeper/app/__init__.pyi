from .run import run_app as run_app
