"""The leakage audit: what could make a score on a store better than the truth."""

from trifid.evaluation.leakage.audit import audit_store
from trifid.evaluation.leakage.finding import Finding

__all__ = ["Finding", "audit_store"]
