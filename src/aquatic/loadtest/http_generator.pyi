"""The compiled part of the HTTP load generator: one thread's connections."""

from aquatic.loadtest.drive import LoadGenerator
from aquatic.loadtest.population import Population
from aquatic.loadtest.terms import HttpTerms

class HttpGenerator(LoadGenerator):
    """Asks a tracker over HTTP, plain or TLS."""

    def __init__(self, population: Population, terms: HttpTerms) -> None:
        """ValueError when there are fewer connections than sources or the URL's suffix is too long, MemoryError."""
