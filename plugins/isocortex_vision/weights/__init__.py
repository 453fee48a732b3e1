"""Reading trained weights from every format that users hold."""
