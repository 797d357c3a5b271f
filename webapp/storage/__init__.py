"""What is kept: the database, the files beside it, and the links that let a browser fetch them."""

from webapp.storage import links, people, tables
from webapp.storage.blobs import Blobs, Stored
from webapp.storage.database import Database
from webapp.storage.secret import secret_key

__all__ = ["Blobs", "Database", "Stored", "links", "people", "secret_key", "tables"]
