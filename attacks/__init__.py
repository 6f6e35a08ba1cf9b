"""Attacks on the project whose figures the book shows: ``make attack``."""
