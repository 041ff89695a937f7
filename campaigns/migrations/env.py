"""Alembic runs this; `campaigns.store.Store.migrate` hands it the connection, inside one transaction."""

from alembic import context

import campaigns.tables  # noqa: F401  (defines its tables on the metadata)
from pacing.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
