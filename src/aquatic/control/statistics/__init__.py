"""What operators see of a running tracker: collected once, put out as text, as a page and to Prometheus."""
