"""TensorBoard and MLflow, through the callbacks of skorch."""

import pytest

from tests.factories import short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]


def test_tensorboard_gets_the_losses_of_each_epoch(table, tmp_path):
    pytest.importorskip("tensorboard")
    from skorch.callbacks import TensorBoard
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    clf = short(callbacks=[TensorBoard(SummaryWriter(tmp_path))]).fit(*table)
    events = EventAccumulator(str(tmp_path)).Reload()
    losses = [event.value for event in events.Scalars("Loss/train_loss")]
    assert losses == pytest.approx(clf.history_[:, "train_loss"], rel=1e-6)


def test_mlflow_gets_the_losses_of_each_epoch(table, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    from skorch.callbacks import MlflowLogger

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'runs.db'}")
    run = client.create_run(client.create_experiment("noisy labels", str(tmp_path / "files")))
    clf = short(callbacks=[MlflowLogger(run, client)]).fit(*table)
    logged = client.get_metric_history(run.info.run_id, "train_loss")
    losses = {metric.step: metric.value for metric in logged}
    assert list(losses.values()) == pytest.approx(clf.history_[:, "train_loss"])
