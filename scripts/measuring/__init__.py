"""What the benchmarks (scripts/bench_*.py) share: how results are recorded and shown, and what measures."""
