from tests.gateway.conftest import database_url

__all__ = ["database_url"]
