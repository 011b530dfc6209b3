"""Looks at the machine, the configuration and the way to the meeting, and says what is wrong."""

from edgemeet.doctor.examination import DEADLINE, Check, examine
from edgemeet.doctor.findings import Finding, Outcome, Report
from edgemeet.doctor.machine import Machine

__all__ = ["DEADLINE", "Check", "Finding", "Machine", "Outcome", "Report", "examine"]
