"""Items are checked on the nodes of a Ray cluster.

`crew` is what the command hands items to. It starts a process that runs `driver`, since Ray ends
the process that uses it when a cluster is lost, and since a process with Ray's threads may not be
forked. The driver keeps actors busy; each `actor` checks its items in a worker process of its own,
as a worker of this machine does.
"""
