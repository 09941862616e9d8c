"""Tables from any file: bytes, recognised by what they are, become columns, typed as the user says."""
