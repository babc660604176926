"""A simulated sky: survey-like data whose truth is known."""

from trifid.simulate.run import SIMULATED_TASKS, simulate

__all__ = ["SIMULATED_TASKS", "simulate"]
