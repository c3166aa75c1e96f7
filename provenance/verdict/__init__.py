"""Signals and a policy in, a verdict out: pure, order-free, and the same on every replay."""

from provenance.verdict.conflicts import conflicts
from provenance.verdict.policy import Policy, load, names, parse
from provenance.verdict.rules import judge, wrong_per_thousand

__all__ = ["Policy", "conflicts", "judge", "load", "names", "parse", "wrong_per_thousand"]
