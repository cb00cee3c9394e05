"""Embedded engines for development and tests: our own small supervisor around wheel binaries."""
