"""One module a step; each stands on its own and imports nothing of the plane, so that later code cannot change it."""
