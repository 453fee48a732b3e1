"""Looking inside a network: preferred images of units, maps of layers."""
