"""Measurements of a running node: `python -m loadtest --help`, and README.md beside this file."""
