"""What a run has found: a table, a JSON file, and a page with plots."""
