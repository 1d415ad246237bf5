"""Every output of a running tracker process, around a fake data plane."""

import fcntl
import os
import re
import resource
import signal
import socket
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.metrics import fetch, metrics_url
from tests.support.processes import running_fake, wait_until


def statistics(**settings: Any) -> dict[str, Any]:
    return {"statistics": {"interval_seconds": 1, "prometheus_address": "127.0.0.1:0", **settings}}


def test_prometheus_reads_the_endpoint() -> None:
    with running_fake(parts=statistics(prometheus=True)) as process:
        url = metrics_url(process)
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/metrics", url)
        names = {family.name for family in text_string_to_metric_families(fetch(url))}
        assert {"aquatic_requests", "aquatic_rx_bytes", "aquatic_torrents", "aquatic_errors"} <= names
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


def test_two_trackers_cannot_serve_metrics_at_one_address() -> None:
    with running_fake(parts=statistics(prometheus=True)) as first:
        address = metrics_url(first).removeprefix("http://").removesuffix("/metrics")
        with running_fake(parts=statistics(prometheus=True, prometheus_address=address)) as second:
            assert second.wait() == 1
            assert second.output == []
            (error,) = second.errors
            assert error.startswith(
                f"Error: cannot serve Prometheus on http://{address}: Address already in use"
            )


def test_text_and_page_come_at_the_interval(tmp_path: Path) -> None:
    page = tmp_path / "statistics.html"
    parts = statistics(standard_output=True, html_file=True, html_file_path=str(page))
    with running_fake(parts=parts) as process:
        process.wait_for_line("General:")
        process.wait_for_line("IPv4:")
        first = wait_until(lambda: page.read_text() if page.exists() else "")
        wait_until(lambda: page.read_text() != first)
        assert page.read_text().endswith("</html>\n")
        process.wait_for_line("General:")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert [each.name for each in tmp_path.iterdir()] == ["statistics.html"]


def test_a_page_that_cannot_be_written_is_an_error_once(tmp_path: Path) -> None:
    page = tmp_path / "missing" / "statistics.html"
    parts = statistics(standard_output=True, html_file=True, html_file_path=str(page))
    with running_fake(parts=parts) as process:
        for _ in range(4):
            process.wait_for_line("General:")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        (error,) = process.errors
        assert error.endswith(f"cannot write statistics to {page}: No such file or directory")


def test_nothing_is_put_out_that_was_not_asked_for(tmp_path: Path) -> None:
    parts = statistics(interval_seconds=0, standard_output=True, html_file=True, prometheus=True)
    with running_fake(parts=parts | {"log_level": "info"}, cwd=tmp_path) as process:
        process.wait_for_line("serving")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert len(process.output) == 2, "where it listens and the worker's end"
        assert list(tmp_path.iterdir()) == []


def test_a_reader_that_stopped_reading_holds_up_neither_service_nor_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    # There is room for where it listens, but not for a report.
    os.write(writing, bytes(size - 100))
    page = tmp_path / "statistics.html"
    parts = statistics(standard_output=True, html_file=True, html_file_path=str(page))
    with running_fake("quiet", parts | {"log_level": "info"}, stdout=writing) as process:
        os.close(writing)
        process.wait_for_line("serving")
        first = wait_until(lambda: page.read_text() if page.exists() else "")
        wait_until(lambda: page.read_text() != first)
        process.signal(signal.SIGUSR1)
        process.wait_for_line("nothing to reload")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
    os.close(reading)


def test_the_end_does_not_wait_for_a_client_of_the_endpoint() -> None:
    with running_fake(parts=statistics(prometheus=True)) as process:
        url = metrics_url(process)
        host, port = url.removeprefix("http://").removesuffix("/metrics").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /")
            fetch(url)
            process.signal(signal.SIGTERM)
            assert client.recv(100) == b""
            assert process.wait() == 0


def test_metrics_without_descriptors_are_an_error_once_and_come_again() -> None:
    with running_fake(parts=statistics(prometheus=True)) as process:
        url = metrics_url(process)
        host, port = url.removeprefix("http://").removesuffix("/metrics").split(":")
        fetch(url)
        soft, hard = resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (3, hard))
        clients = [socket.create_connection((host, int(port))) for _ in range(20)]
        process.wait_for_line("Prometheus has to wait")
        resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for client in clients:
            client.close()
        fetch(url)
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        (error,) = process.errors
        assert "Prometheus has to wait: no connection can be accepted: Too many open files" in error
