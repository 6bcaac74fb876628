"""Files are found, downloaded, resumed and checked."""

import hashlib

import pytest

from sknoisy.datasets._download import RemoteFile, data_folder, get_file

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def file(server):
    server.files["/x.bin"] = CONTENT
    return RemoteFile("x.bin", f"{server.url}/x.bin", MD5)


def test_a_file_is_downloaded_once(tmp_path, server, file):
    for _ in range(2):
        assert get_file(tmp_path / "new", file, True).read_bytes() == CONTENT
    assert server.requests == [("/x.bin", None)]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.bin"]


def test_nothing_is_downloaded_unless_asked(tmp_path, server, file):
    with pytest.raises(OSError, match=r"There is no file '.*x.bin'. Pass download_if_missing=True"):
        get_file(tmp_path, file, False)
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_download_that_breaks_off_is_resumed(tmp_path, server, file, has_ranges):
    server.breaks_after, server.has_ranges = 1000, has_ranges
    with pytest.raises(OSError, match=r"ended after 1000 bytes.*goes on from there"):
        get_file(tmp_path, file, True)
    assert not (tmp_path / "x.bin").exists()
    server.breaks_after = None
    assert get_file(tmp_path, file, True).read_bytes() == CONTENT
    assert server.requests == [("/x.bin", None), ("/x.bin", "bytes=1000-")]


def test_a_part_that_is_whole_is_taken(tmp_path, server, file):
    (tmp_path / "x.bin.part").write_bytes(CONTENT)
    assert get_file(tmp_path, file, True).read_bytes() == CONTENT


def test_a_part_of_another_file_is_deleted(tmp_path, server, file):
    (tmp_path / "x.bin.part").write_bytes(b"other" + CONTENT)
    with pytest.raises(OSError, match=r"is damaged: its MD5 is .* It is deleted"):
        get_file(tmp_path, file, True)
    assert get_file(tmp_path, file, True).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused(tmp_path, server, file):
    server.files["/x.bin"] = CONTENT[:-1] + b"?"
    with pytest.raises(OSError, match=f"is damaged: its MD5 is .*, not {MD5}. It is deleted"):
        get_file(tmp_path, file, True)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_on_disk_is_refused_and_kept(tmp_path, server, file):
    (tmp_path / "x.bin").write_bytes(CONTENT[:-1])
    for download in (False, True):
        with pytest.raises(OSError, match=r"is damaged: .*Delete it and pass download_if_missing"):
            get_file(tmp_path, file, download)
    assert server.requests == []
    assert (tmp_path / "x.bin").exists()


def test_an_answer_of_the_server_is_in_the_error(tmp_path, server, file):
    missing = file._replace(url=f"{server.url}/y.bin")
    with pytest.raises(OSError, match=r"/y.bin cannot be downloaded: the server answers 404"):
        get_file(tmp_path, missing, True)
    with pytest.raises(OSError, match="ended after 0 bytes"):
        get_file(tmp_path, file._replace(url="http://127.0.0.1:1/x.bin"), True)


def test_the_folder_of_a_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(None, "a") == tmp_path / "sknoisy_data" / "a"
    assert data_folder("~/x", "a") == tmp_path / "x" / "a"
