"""The control plane: configuration, start and stop, statistics. Never in the path of a packet."""
