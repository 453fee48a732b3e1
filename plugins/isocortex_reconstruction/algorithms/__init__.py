"""What changes an image, or a latent, until its features fit: descent, Adam, L-BFGS."""
