"""The SQL of the terminology's tables (docs/terminology.md). They hold no patient data."""
