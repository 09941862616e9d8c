"""Who runs jobs, and where."""
