"""What changes around the daemon and is worth another try: links and addresses, and the clock."""

from edgemeet.world.clock import ClockWatch, clock_set
from edgemeet.world.links import LinkWatch

__all__ = ["ClockWatch", "LinkWatch", "clock_set"]
