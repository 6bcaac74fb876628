"""A file that is written atomically has its old content or its new content."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from sknoisy._runtime.files import atomic_write, remove_temporaries


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_new_content_and_nothing_else(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    with atomic_write(str(path)) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert entries(tmp_path) == ["model"]


def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "atomic"):
        pass
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_content_and_no_temporary(tmp_path, error):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half of the ne")
        raise error
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["model"]


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_full_disk_is_an_error_that_names_the_path(tmp_path, monkeypatch, fails):
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails != "write":
        monkeypatch.setattr(os, fails, fail)
    with pytest.raises(OSError, match=r"No space left on device: .*model'") as caught:
        with atomic_write(path) as file:
            file.write(b"new")
            if fails == "write":
                fail()
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["model"]


def test_a_missing_folder_names_the_path_that_was_given(tmp_path):
    path = tmp_path / "missing" / "model"
    with pytest.raises(FileNotFoundError, match=r"missing/model'"), atomic_write(path):
        pass


def test_errors_of_other_files_keep_their_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="another"), atomic_write(tmp_path / "model"):
        open(tmp_path / "another", "rb")


def test_a_link_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "model")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert entries(tmp_path / "folder") == ["model"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_in_between_the_old_content_and_one_temporary_to_remove(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys\n"
        "from sknoisy._runtime.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file:\n"
        "    file.write(b'new')\n"
        "    file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    code = subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode
    assert code == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert remove_temporaries(tmp_path) == 1
    assert entries(tmp_path) == ["model"]
