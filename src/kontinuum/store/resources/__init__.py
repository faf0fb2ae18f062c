"""The resource tables and all SQL that touches them. Only `record` may import this package."""
