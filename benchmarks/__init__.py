"""Every promised figure, measured beside its floor. Run: python -m benchmarks --help."""
