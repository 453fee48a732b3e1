"""``python -m isocortex`` is the command line."""

from isocortex.cli import main

main()
