"""What is wrong now, as codes with a severity, a text and the time since when."""

from edgemeet.health.registry import Condition, HealthRegistry, Severity

__all__ = ["Condition", "HealthRegistry", "Severity"]
