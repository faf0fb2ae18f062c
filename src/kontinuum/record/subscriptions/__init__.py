"""Subscriptions at the gate: what is asked for, what may be told of each event, and how far each has come."""
