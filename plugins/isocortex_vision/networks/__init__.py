"""Layer tables of published networks, and running them."""
