"""`aquatic bench micro`: single functions of the data plane, again and again."""
