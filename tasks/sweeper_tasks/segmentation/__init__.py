"""Which of 19 parts of a face each pixel belongs to."""
