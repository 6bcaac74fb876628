"""Press Ctrl-C at random moments of fits and searches, and report what is not as before.

Run as a program, because Ctrl-C must not end the test run::

    python -m tests._training.interrupted KIND N SEED
"""

import json
import os
import pickle
import random
import signal
import sys
import threading
import time
import warnings

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from sknoisy import SmoothingSearchCV
from tests._training.test_faults import X, state_of, y
from tests.factories import short


class Pressed:
    """Press Ctrl-C after some time, unless the context has ended by then."""

    def __init__(self, delay):
        self.timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))

    def __enter__(self):
        self.timer.start()

    def __exit__(self, *_):
        self.timer.cancel()
        self.timer.join()


def global_state():
    kind, keys, *rest = np.random.get_state()
    return {
        "handler": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "threads": torch.get_num_threads(),
        "generators": (
            random.getstate(),
            (kind, keys.tolist(), *rest),
            torch.get_rng_state().tolist(),
        ),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
    }


class Fit:
    """A refit of a classifier, or a call of its partial_fit."""

    def __init__(self, method, how):
        clf = short(method, max_epochs=3).fit(X, y)
        self.fitted, self.how = pickle.dumps(clf.set_params(max_epochs=12)), how
        self.before = state_of(pickle.loads(self.fitted))
        self.run()
        self.after = state_of(self.clf)

    def run(self):
        self.clf = pickle.loads(self.fitted)
        getattr(self.clf, self.how)(X, y)

    def is_whole(self):
        # Ctrl-C may come at the very end.
        return state_of(self.clf) in (self.before, self.after)


class Search:
    """A search that is not fitted."""

    def __init__(self, make):
        self.make = make
        self.run()

    def run(self):
        self.search = self.make()
        self.before = dict(vars(self.search.estimator))
        self.search.fit(X, y)

    def is_whole(self):
        if vars(self.search.estimator) != self.before:
            return False
        if isinstance(self.search, SmoothingSearchCV):
            names = set(vars(self.search)) - set(vars(self.make()))
            return not names or "best_estimator_" in names
        # scikit-learn sets some attributes earlier than others.
        try:
            self.search.predict(X)
        except (NotFittedError, AttributeError):
            return True
        return "refit_time_" in vars(self.search)


def grid(n_jobs):
    return GridSearchCV(
        short(max_epochs=2), {"lr": [0.01, 0.02, 0.03]}, cv=2, n_jobs=n_jobs, error_score=0.0
    )


KINDS = {
    "fit": lambda: Fit("ce", "fit"),
    "fit of several networks": lambda: Fit("bagging", "fit"),
    "partial_fit": lambda: Fit("elr", "partial_fit"),
    "GridSearchCV": lambda: Search(lambda: grid(None)),
    "GridSearchCV of 2 jobs": lambda: Search(lambda: grid(2)),
    "SmoothingSearchCV": lambda: Search(
        lambda: SmoothingSearchCV(short(max_epochs=3), [-1.0, 0.0, 0.5], cv=2)
    ),
}


def main(kind, n, seed):
    rng = np.random.default_rng(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    case = KINDS[kind]()
    # It has run once before, which also starts workers. On a busy machine times vary.
    times = []
    for _ in range(3):
        start = time.perf_counter()
        case.run()
        times.append(time.perf_counter() - start)
    seconds = min(times)
    before, faults, n_pressed = global_state(), [], 0
    for _ in range(4 * n):
        delay = rng.uniform(0, seconds)
        interrupted = False
        try:
            with Pressed(delay):
                case.run()
        except KeyboardInterrupt:
            interrupted = True
        except RuntimeError as error:
            # So joblib says that Ctrl-C came before it had started its own thread.
            if "before it is started" not in str(error):
                raise
            interrupted = True
        n_pressed += interrupted
        # The speed of a busy machine varies.
        seconds *= 1.0 if not interrupted and delay < seconds / 2 else 1.05 if interrupted else 0.8
        if interrupted and not case.is_whole():
            faults.append(f"estimator after {delay:.4f} s")
        now = global_state()
        faults += [f"{name} after {delay:.4f} s" for name in now if now[name] != before[name]]
        if faults or n_pressed == n:
            break
    print(json.dumps({"n": n_pressed, "faults": faults, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
