"""What outlives the process: small documents in the state directory."""

from edgemeet.state.store import StateStore

__all__ = ["StateStore"]
