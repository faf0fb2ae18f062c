"""Readers of the formats in which code systems are published, and the loader that writes them."""
