"""The compiled part of the WebTorrent load generator: one thread's connections."""

from aquatic.loadtest.drive import LoadGenerator
from aquatic.loadtest.population import Population
from aquatic.loadtest.terms import WsTerms
from aquatic.loadtest.ws_board import Board

class WsGenerator(LoadGenerator):
    """Announces with offers, answers those of others, and holds what arrives against what was sent."""

    def __init__(self, population: Population, board: Board, terms: WsTerms) -> None:
        """`board`: of all workers of the population. ValueError, MemoryError."""
