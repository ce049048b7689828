"""Speed on this machine: each kernel's rate beside a limit that it cannot pass, or a peer, measured in the same run."""

from scanengine.bench.measure import GROUPS, Clock, Limit, Measured, run

__all__ = ["GROUPS", "Clock", "Limit", "Measured", "run"]
