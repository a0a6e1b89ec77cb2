"""How a net is trained: batches, modules, solvers, schedules and the skorch net that runs them."""
