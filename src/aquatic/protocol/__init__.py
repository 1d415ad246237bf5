"""The tracker protocols on the wire, for clients, tools and tests: bytes in, values out, and back."""
