"""Training beside the server: a process that starts runs, each in a process of its own.

server -> trainer (looks every second whether a run is due) -> work (one run at low priority). Each
holds the write end of a pipe that the next one reads: when the holder dies, however it dies, the
pipe ends and so does whoever reads it. No server ever trains, and nothing outlives its server.
"""

from bespeak.training.beside import trainer_beside

__all__ = ["trainer_beside"]
