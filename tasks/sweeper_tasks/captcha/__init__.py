"""Which characters an image holds, in order: 4 to 6 of `0-9A-Za-z`."""
