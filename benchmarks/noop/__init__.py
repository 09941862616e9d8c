"""A task that does nothing: what is left of a sweep's time is the sweeper's own."""
