"""What is done to an image before it is looked at."""
