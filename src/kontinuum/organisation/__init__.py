"""The staff directory: units, people and assignments, as values, as FHIR, and as files."""
