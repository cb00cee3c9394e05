"""Ratios that every change can afford to measure, beside those that were measured before."""
