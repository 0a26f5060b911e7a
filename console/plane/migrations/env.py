"""What alembic runs: the steps on the connection that `plane.db` hands over, within that connection's transaction.

There is no offline mode and no address in here; the plane's own settings name the database.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
