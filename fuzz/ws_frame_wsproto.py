"""Any bytes of a client: we read the messages that wsproto reads, and find fault where it does."""

from tests.support.frame_readers import check_frames


def run(data: bytes) -> None:
    """Hold one reader against the other."""
    check_frames(data)
