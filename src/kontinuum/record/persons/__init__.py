"""The patient index: identifiers in every form, Patients that are one person, and those that may be."""
