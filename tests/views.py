"""Real network views for tests, as methods get them from the training loop."""

from sknoisy._training.build import make_run
from sknoisy._training.training_set import TrainingSet


def view_of(clf, X, y, **params):
    """The view of a fitted classifier's network in a training on these rows."""
    shape, classes = clf.net_.row_shape_, clf.classes_
    data = TrainingSet.from_arrays(clf, X, y, classes=classes, row_shape=shape, **params)
    net, run, _ = make_run(clf, data, clf.net_)
    run.noise = net.noise_
    run.attach(net.view(run))
    return run.view
