"""Kontinuum: an open health-record platform; FHIR R4 is the record, Swedish law the access control."""

__version__ = "0.1.0"
