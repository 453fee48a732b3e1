"""Image generators: latents in, images out, gradients back."""
