"""What units shape beside their templates: the overview, worklists; kept as Libraries (decision 29)."""
