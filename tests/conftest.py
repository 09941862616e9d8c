"""Settings for all tests."""

from hypothesis import settings

# the first call into torch may take longer than Hypothesis allows an example
settings.register_profile("sweeper", deadline=None)
settings.load_profile("sweeper")
