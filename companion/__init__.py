"""Regenerates one paper and its book with :mod:`mpicore`: experiments, runs, tables, figures and pages."""
