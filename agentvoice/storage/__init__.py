"""The database: the only place that knows SQLAlchemy; plain core values go in and out."""
