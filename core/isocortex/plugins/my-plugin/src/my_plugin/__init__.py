"""A plugin for isocortex."""
