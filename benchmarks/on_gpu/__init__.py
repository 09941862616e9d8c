"""What `benchmarks/gpu.py` checks, and what it checks it with."""
