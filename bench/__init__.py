"""Benchmarks: what Kontinuum does a second, each beside its limit on this machine in the same run."""
