"""The log: every access, durable before its data leaves, hash-chained, append-only."""

from kontinuum.audit.entry import AuditEntry, entry
from kontinuum.audit.log import AuditLog, AuditUnavailableError

__all__ = ["AuditEntry", "AuditLog", "AuditUnavailableError", "entry"]
