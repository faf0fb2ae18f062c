"""The bodies of the commands, one module each: `run` is given an open, migrated database and the options."""
