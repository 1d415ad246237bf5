"""What a WebTorrent message costs without its connections."""

from aquatic.bench.micro.loop import Loop

def frames(frames: list[bytes]) -> Loop:
    """Decoded and unmasked. Done: bytes of payload."""

def texts(texts: list[bytes]) -> Loop:
    """Done: those that are UTF-8."""

def messages(messages: list[bytes]) -> Loop:
    """JSON. Done: offers and answers in them."""

def announce_answers() -> Loop:
    """Done: bytes of frames."""

def offers(values: list[bytes]) -> Loop:
    """Messages that pass these offers on. Done: bytes of frames."""

def announces(size: int, offers: int) -> Loop:
    """Peers that are there make so many offers each time, in a torrent of this size. Done: one each, and
    the offers to be passed on.
    """

def answers(size: int) -> Loop:
    """An announce with an offer, and its answer. Done: answers to be passed on."""

def visits(size: int) -> Loop:
    """A peer comes and goes. Done: other peers of the torrent."""
