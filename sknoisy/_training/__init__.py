"""The engine: from an estimator and a training set to a trained network.

``build`` makes a ``SkorchNet`` (``net``, the only file that imports skorch) and a ``TrainingRun``
(``run``), which holds everything that belongs to one call of ``fit``. ``loop`` trains it epoch by
epoch, and gives methods a ``ModuleView`` of the network (``network_view``).
"""
