"""Bringing a database up to this version, by function and by command."""

import asyncio

import asyncpg
import pytest

from service.migrate import NewerDatabase, migrate, migrations, pending
from tests.service.conftest import _named
from tests.service.test_backup import run

NAMES = [migration.name for migration in migrations()]


@pytest.fixture
def empty(server):
    """A database in which nothing is."""

    async def make(*statements):
        connection = await asyncpg.connect(server.dsn)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(make("DROP DATABASE IF EXISTS empty (FORCE)", "CREATE DATABASE empty"))
    yield _named(server.dsn, "empty")
    asyncio.run(make("DROP DATABASE empty (FORCE)"))


def execute(dsn, statement):
    async def inner():
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.execute(statement)
        finally:
            await connection.close()

    return asyncio.run(inner())


def test_many_that_start_at_once_apply_each_once(empty):
    async def all_of_them():
        return await asyncio.gather(*(migrate(empty) for _ in range(4)))

    applied = asyncio.run(all_of_them())
    assert sorted(applied, key=len) == [[], [], [], NAMES]
    assert asyncio.run(pending(empty)) == []


def test_a_migration_that_comes_late_is_applied_too(empty):
    """Two that are written at the same time may come in either order."""
    asyncio.run(migrate(empty, upto=1))
    execute(empty, "INSERT INTO migrations (number, name) VALUES (5, '0005_operations.sql')")
    assert asyncio.run(pending(empty)) == [name for name in NAMES if name not in {NAMES[0], "0005_operations.sql"}]
    assert "0003_events.sql" in asyncio.run(migrate(empty))


def test_a_later_versions_database_is_not_touched(empty):
    asyncio.run(migrate(empty))
    execute(empty, "INSERT INTO migrations (number, name) VALUES (9999, 'of tomorrow')")
    for what in (pending, migrate):
        with pytest.raises(NewerDatabase):
            asyncio.run(what(empty))


def test_the_command_says_what_is_missing_and_applies_it(empty, tmp_path):
    checked = run("migrate", "--check", home=tmp_path, CASEWRIGHT_DB=empty)
    assert (checked.returncode, checked.stdout.splitlines()) == (1, [f"{name} is missing." for name in NAMES])
    applied = run("migrate", home=tmp_path, CASEWRIGHT_DB=empty)
    assert (applied.returncode, applied.stdout.splitlines()) == (0, [f"{name} applied." for name in NAMES])
    for arguments in (("migrate", "--check"), ("migrate",)):
        ran = run(*arguments, home=tmp_path, CASEWRIGHT_DB=empty)
        assert (ran.returncode, ran.stdout) == (0, "The database is up to date.\n")
