"""Labelled data against detectors: adapters for the harness, metrics, the comparison table."""
