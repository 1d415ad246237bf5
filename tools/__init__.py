"""What builds and checks the project: programs (`python -m tools.NAME`) whose functions are tested."""
