"""Files that the tracker writes: exports, download counts, and how they take the place of older ones."""

import asyncio
import os
import re
import threading
import zlib
from pathlib import Path

import pytest

from aquatic.control import exports
from aquatic.control.downloads import HEAD, TAIL, DownloadsFile
from aquatic.control.errors import StartError
from aquatic.control.exports import ScrapeExporter
from aquatic.control.model import Downloads, ScrapeExports
from aquatic.control.replaced_file import replacing
from aquatic.control.setting import FilePath
from tests.support.fake_tracker import FakeTracker

LINES = [b"4 %040x 1 2\n" % 1, b"6 %040x 3 4\n4 %040x 5 6\n" % (2, 3)]
RECORDS = [bytes(range(30)), bytes(range(30, 90))]


def test_a_file_is_there_only_when_it_is_complete(tmp_path: Path) -> None:
    path, temporary = tmp_path / "file", tmp_path / "file.tmp"
    path.write_bytes(b"old")
    with replacing(str(path), str(temporary)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert temporary.exists()
    assert path.read_bytes() == b"new"
    assert not temporary.exists()


def write_half(path: Path, temporary: Path) -> None:
    with replacing(str(path), str(temporary)) as file:
        file.write(b"half")
        raise InterruptedError


def test_half_a_file_leaves_the_old_one(tmp_path: Path) -> None:
    path, temporary = tmp_path / "file", tmp_path / "file.tmp"
    path.write_bytes(b"old")
    with pytest.raises(InterruptedError):
        write_half(path, temporary)
    assert path.read_bytes() == b"old"
    assert not temporary.exists()


def test_links_at_the_temporary_name_are_not_followed(tmp_path: Path) -> None:
    path, temporary, victim = tmp_path / "file", tmp_path / "file.tmp", tmp_path / "victim"
    victim.write_bytes(b"untouched")
    temporary.symlink_to(victim)
    with replacing(str(path), str(temporary)) as file:
        file.write(b"new")
    assert victim.read_bytes() == b"untouched"
    assert path.read_bytes() == b"new"
    assert not path.is_symlink()


@pytest.fixture(autouse=True)
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CLEANINGS_CHECK_SECONDS", 0)


class CountingTracker(FakeTracker):
    """Cleans whenever it is asked, and remembers at which cleaning each export began."""

    def __init__(self) -> None:
        super().__init__()
        self.exported_at: list[int] = []

    def cleanings(self) -> int:
        self.cleaned += 1
        return self.cleaned - 1

    def export_torrents(self, cursor: int) -> tuple[int, bytes]:
        if cursor == 0:
            self.exported_at.append(self.cleaned - 1)
        return super().export_torrents(cursor)


def export(tracker: FakeTracker, path: Path, cleanings: int, frequency: int) -> None:
    """Run the exporter until so many cleanings have been made."""

    async def run() -> None:
        settings = ScrapeExports(enabled=True, cleanings_per_export=frequency, path=FilePath(str(path)))
        task = asyncio.create_task(ScrapeExporter(tracker, settings).run())
        while tracker.cleaned < cleanings:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 30))
    for thread in threading.enumerate():
        if thread.name == "scrape export":
            thread.join(30)


@pytest.mark.parametrize(
    ("frequency", "expected"), [(0, [1, 2, 3, 4]), (1, [1, 2, 3, 4]), (3, [1, 4, 7, 10])]
)
def test_exports_come_after_the_first_cleaning_and_then_every_so_many(
    tmp_path: Path, frequency: int, expected: list[int]
) -> None:
    tracker = CountingTracker()
    export(tracker, tmp_path / "export.txt", 12, frequency)
    assert tracker.exported_at[:4] == expected


def test_an_export_holds_every_line(tmp_path: Path) -> None:
    tracker = CountingTracker()
    tracker.torrent_pieces = LINES
    path = tmp_path / "export.txt"
    export(tracker, path, 5, 1)
    assert path.read_bytes() == b"".join(LINES)
    assert os.listdir(tmp_path) == ["export.txt"]


def test_the_temporary_name_has_the_extension_replaced(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Looking(CountingTracker):
        def export_torrents(self, cursor: int) -> tuple[int, bytes]:
            seen.append(os.listdir(tmp_path))
            return super().export_torrents(cursor)

    export(Looking(), tmp_path / "export.txt", 3, 1)
    assert seen[0] == ["export.tmp"]


def test_a_failed_export_is_logged_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracker = CountingTracker()
    folder = tmp_path / "missing"
    export(tracker, folder / "export.txt", 4, 1)
    assert f"cannot export torrents to {folder}/export.txt: No such file or directory" in caplog.messages
    folder.mkdir()
    export(tracker, folder / "export.txt", tracker.cleaned + 4, 1)
    assert os.listdir(folder) == ["export.txt"]


def test_running_out_of_memory_leaves_the_last_export(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Exhausted(CountingTracker):
        def export_torrents(self, cursor: int) -> tuple[int, bytes]:
            if cursor == 1:
                raise MemoryError
            return super().export_torrents(cursor)

    tracker = Exhausted()
    tracker.torrent_pieces = LINES
    path = tmp_path / "export.txt"
    path.write_text("the last one\n")
    export(tracker, path, 4, 1)
    assert path.read_text() == "the last one\n"
    assert os.listdir(tmp_path) == ["export.txt"]
    assert any("no memory" in message for message in caplog.messages)


def downloads_of(tracker: FakeTracker, path: Path) -> DownloadsFile:
    return DownloadsFile(tracker, Downloads(path=FilePath(str(path))))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    tracker = FakeTracker()
    tracker.download_pieces = RECORDS
    path = tmp_path / "downloads"
    downloads_of(tracker, path).save()
    return path


def test_counts_come_back(saved: Path) -> None:
    tracker = FakeTracker()
    assert downloads_of(tracker, saved).load() is None
    assert tracker.imported == b"".join(RECORDS)


def test_no_counts_yet(tmp_path: Path) -> None:
    tracker = FakeTracker()
    downloads = downloads_of(tracker, tmp_path / "downloads")
    assert downloads.load() is None
    assert tracker.imported == b""
    downloads.save()
    again = FakeTracker()
    assert downloads_of(again, tmp_path / "downloads").load() is None
    assert again.imported == b""


def test_the_format_is_as_documented(saved: Path) -> None:
    content = saved.read_bytes()
    body = b"aquatic downloads, 30 bytes each\n" + b"".join(RECORDS) + (3).to_bytes(8, "little")
    assert content == body + zlib.crc32(body).to_bytes(4, "little")
    assert len(content) == len(HEAD) + 90 + TAIL.size


def test_every_damaged_byte_and_every_cut_is_noticed(saved: Path) -> None:
    content = saved.read_bytes()
    damaged = [content[:length] for length in range(len(content))]
    damaged += [content[:i] + bytes([content[i] ^ 0x40]) + content[i + 1 :] for i in range(len(content))]
    damaged += [content + content[-30:], b"", b"\0" * 200]
    for each in damaged:
        saved.write_bytes(each)
        tracker = FakeTracker()
        warning = downloads_of(tracker, saved).load()
        assert warning is not None
        assert re.match(rf"download counts start at zero: {saved} is damaged \(.+\) and was kept as", warning)
        assert tracker.imported == b""
        assert not saved.exists()
        assert saved.with_name("downloads.damaged").read_bytes() == each


def test_counts_that_cannot_be_read_end_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"cannot read download counts from {tmp_path}: Is a directory"):
        downloads_of(FakeTracker(), tmp_path).load()


def test_a_failure_to_save_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    downloads = downloads_of(FakeTracker(), tmp_path / "missing" / "downloads")
    for _ in range(3):
        downloads.save()
    (message,) = caplog.messages
    assert message.startswith("cannot write download counts to ")
    (tmp_path / "missing").mkdir()
    downloads.save()
    (tmp_path / "missing" / "downloads").unlink()
    (tmp_path / "missing").rmdir()
    downloads.save()
    assert len(caplog.messages) == 2
