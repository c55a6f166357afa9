"""The quality harness of synthesis: questions, trials, scores, report."""
