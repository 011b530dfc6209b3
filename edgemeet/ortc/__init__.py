"""ORTC parameters as mediasoup puts them on the wire, and the matching of capabilities.

Known to `signaling` (which carries them), `rtc` (which acts on them) and `sandbox` (which answers
with them); knows none of these.
"""
