"""Handwritten digits by a small network, with focal loss."""
