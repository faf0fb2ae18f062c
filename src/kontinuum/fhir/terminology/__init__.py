"""Which concepts a value set or an expression chooses: pure, without a database."""
