"""Features of many images by layer, in bounded memory."""
