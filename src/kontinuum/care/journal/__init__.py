"""The journal: notes written under headings, from templates that are forms."""
