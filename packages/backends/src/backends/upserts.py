"""INSERT ... ON CONFLICT for every engine.

SQLAlchemy has a construct for each dialect; what PostgreSQL's can say is what SQLite's can and
more, and the compilers of both read it.
"""

from sqlalchemy.dialects.postgresql import insert

__all__ = ["insert"]
