"""Files of the Kamitani lab: BData, feature and decoder directories."""
