"""Topic-based subscriptions in R4: topics, what a Subscription asks for, and the notifications. Pure.

http://hl7.org/fhir/uv/subscriptions-backport (Subscriptions R5 Backport, 1.1).
"""
