"""Sending notifications: the worker that does it, and the two channels."""

from kontinuum.web.subscriptions.courier import Courier
from kontinuum.web.subscriptions.socket import PATH, routes

__all__ = ["PATH", "Courier", "routes"]
