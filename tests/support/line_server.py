"""`python -m tests.support.line_server DESCRIPTORS`: a connection server in a process that may have so many open.

Says its port; then, at SIGTERM, its counters as JSON.
"""

import json
import resource
import signal
import socket
import sys
import threading

from aquatic.testing.stream import StreamServer, StreamSettings


def main() -> None:
    server = StreamServer(StreamSettings())
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    descriptors = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    worker = threading.Thread(target=server.run, args=([listener.fileno()],))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    worker.start()
    print(f"port {listener.getsockname()[1]}", flush=True)
    signal.sigwait({signal.SIGTERM})
    server.stop()
    worker.join()
    print(f"counters {json.dumps(server.counters())}", flush=True)


if __name__ == "__main__":
    main()
