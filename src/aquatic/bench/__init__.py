"""`aquatic bench`: trackers side by side on one machine, measured and reported."""
