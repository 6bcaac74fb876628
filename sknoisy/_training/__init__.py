"""The training engine, which fits the network of an estimator to a training set.

``build`` makes a ``SkorchNet`` (``net``, the only file that imports skorch) and a ``TrainingRun``
(``run``), which holds the state of one call of ``fit``. ``loop`` trains epoch by epoch, and passes
a ``ModuleView`` of the network (``network_view``) to the hooks of the method.
"""
