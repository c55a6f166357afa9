"""Models that write answers from sources: whose, where, and how they are asked."""
