from tests.service.conftest import (  # noqa: F401 - fixtures: a console stands on the same database
    _template,
    corpus,
    dsn,
    examples,
    on_shift,
    server,
    with_pool,
)
