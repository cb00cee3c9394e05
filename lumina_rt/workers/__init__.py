"""Background work: each file is one loop with a name."""
