"""A judge to measure against: a logistic regression over figures of a pair (`README.md`)."""

from __future__ import annotations

from benchmarks.answers.regression.judge import RegressionJudge

__all__ = ["RegressionJudge"]
