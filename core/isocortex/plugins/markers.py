"""The two pluggy markers. On their own here, so that a plugin imports nothing else."""

import pluggy

PROJECT = "isocortex"
ENTRY_POINTS = "isocortex"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
