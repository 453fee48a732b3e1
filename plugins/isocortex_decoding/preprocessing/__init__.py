"""From fMRI volumes by run to one sample a stimulus block."""
