"""What changes around the daemon and is worth another try: links, addresses, the clock, lost servers."""

from edgemeet.world.clock import ClockWatch, clock_set
from edgemeet.world.links import LinkWatch
from edgemeet.world.reachability import takes_connections

__all__ = ["ClockWatch", "LinkWatch", "clock_set", "takes_connections"]
