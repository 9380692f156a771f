"""Bringing a database up to this version, by function and by command."""

import asyncio

import asyncpg
import pytest

from service.migrate import NewerDatabase, migrate, migrations, pending
from tests.service.test_backup import run

NAMES = [migration.name for migration in migrations()]


def execute(dsn, statement):
    async def inner():
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.execute(statement)
        finally:
            await connection.close()

    return asyncio.run(inner())


def test_many_that_start_at_once_apply_each_once(empty_dsn):
    async def all_of_them():
        return await asyncio.gather(*(migrate(empty_dsn) for _ in range(4)))

    applied = asyncio.run(all_of_them())
    assert sorted(applied, key=len) == [[], [], [], NAMES]
    assert asyncio.run(pending(empty_dsn)) == []


def test_a_migration_that_comes_late_is_applied_too(empty_dsn):
    """Two that are written at the same time may come in either order."""
    asyncio.run(migrate(empty_dsn, upto=1))
    execute(empty_dsn, "INSERT INTO migrations (number, name) VALUES (4, '0004_operations.sql')")
    assert asyncio.run(pending(empty_dsn)) == [name for name in NAMES if name not in {NAMES[0], "0004_operations.sql"}]
    assert "0002_events.sql" in asyncio.run(migrate(empty_dsn))


def test_a_later_versions_database_is_not_touched(empty_dsn):
    asyncio.run(migrate(empty_dsn))
    execute(empty_dsn, "INSERT INTO migrations (number, name) VALUES (9999, 'of tomorrow')")
    for what in (pending, migrate):
        with pytest.raises(NewerDatabase):
            asyncio.run(what(empty_dsn))


def test_the_command_says_what_is_missing_and_applies_it(empty_dsn, tmp_path):
    checked = run("migrate", "--check", home=tmp_path, CASEWRIGHT_DB=empty_dsn)
    assert (checked.returncode, checked.stdout.splitlines()) == (1, [f"{name} is missing." for name in NAMES])
    applied = run("migrate", home=tmp_path, CASEWRIGHT_DB=empty_dsn)
    assert (applied.returncode, applied.stdout.splitlines()) == (0, [f"{name} applied." for name in NAMES])
    for arguments in (("migrate", "--check"), ("migrate",)):
        ran = run(*arguments, home=tmp_path, CASEWRIGHT_DB=empty_dsn)
        assert (ran.returncode, ran.stdout) == (0, "The database is up to date.\n")
