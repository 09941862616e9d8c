"""What a review thinks of each thing that it names: positive, negative or neutral."""
