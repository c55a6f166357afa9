"""How right the answers are: streams of real questions, and a contrast set of our own."""
