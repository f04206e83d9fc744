"""The ground floor: models and pure helpers, standard library and pydantic only."""
