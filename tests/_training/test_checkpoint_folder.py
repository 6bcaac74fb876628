"""A folder of checkpoints: what is read is whole, and what was written stays."""

import subprocess
import sys

import pytest

from sknoisy._training.checkpoint_folder import CheckpointFolder, StoredCheckpoint


def stored(epoch):
    return StoredCheckpoint({"epoch": epoch}, bytes([epoch]) * 1000)


def written(path, n_epochs):
    folder = CheckpointFolder(path)
    path.mkdir(exist_ok=True)
    for epoch in range(1, n_epochs + 1):
        folder.write(epoch, stored(epoch))
    return folder


def test_the_newest_of_two_is_read(tmp_path):
    folder = written(tmp_path, 11)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-000010.checkpoint", "epoch-000011.checkpoint"]
    assert folder.newest() == stored(11)


def test_an_empty_folder_has_none(tmp_path):
    assert CheckpointFolder(tmp_path).newest() is None


@pytest.mark.parametrize("position", [0, 10, 30, 60, 70, 500, -1])
def test_a_changed_byte_is_noticed_wherever_it_is(position, tmp_path):
    folder = written(tmp_path, 2)
    path = tmp_path / "epoch-000002.checkpoint"
    content = bytearray(path.read_bytes())
    content[position] ^= 16
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"epoch-000002.*is damaged"):
        assert folder.newest() == stored(1)


@pytest.mark.parametrize("n_bytes", [0, 5, 40, 600])
def test_a_truncated_file_is_noticed(n_bytes, tmp_path):
    folder = written(tmp_path, 2)
    path = tmp_path / "epoch-000002.checkpoint"
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.warns(UserWarning, match="damaged"):
        assert folder.newest() == stored(1)


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "epoch-1.txt").write_text("mine")
    with written(tmp_path, 3).locked() as folder:
        folder.write(4, stored(4))
    assert (tmp_path / "notes.txt").read_text() == (tmp_path / "epoch-1.txt").read_text() == "mine"


def test_the_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), CheckpointFolder(tmp_path).locked():
        raise KeyError
    with CheckpointFolder(tmp_path).locked():
        pass


@pytest.mark.slow
def test_another_process_is_kept_out_until_it_is_killed(tmp_path):
    code = (
        "import sys; from sknoisy._training.checkpoint_folder import CheckpointFolder\n"
        "with CheckpointFolder(sys.argv[1]).locked(): print('locked', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        with (
            pytest.raises(RuntimeError, match="another training uses the folder"),
            CheckpointFolder(tmp_path).locked(),
        ):
            pass
        process.kill()
    with CheckpointFolder(tmp_path).locked():
        pass
