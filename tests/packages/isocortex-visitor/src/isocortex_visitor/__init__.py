"""One isocortex component of each kind."""
