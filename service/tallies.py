"""Counts of what has happened, kept up from the numbered events: a reader need not count millions of cases."""

from collections.abc import Sequence

from service.database import Pool

OTHER = "other"
"""The type of what was raised under a name that the corpus does not know: anybody may make such names up."""
_BATCH = 5000
"""Events that one transaction counts at most."""

# A decision is of the type that carries it, a question of those that it is about, all else of those raised.
_COUNT = """
WITH before AS MATERIALIZED (SELECT position FROM tallied FOR UPDATE),
fresh AS MATERIALIZED (
    SELECT e.position, e.type, e.case_id, e.data FROM events e, before WHERE e.position > before.position
    ORDER BY e.position LIMIT $2
),
named AS (
    SELECT f.type AS event,
        coalesce(f.data ->> 'outcome', '') AS outcome,
        CASE WHEN f.type IN ('case.decided', 'case.overturned') THEN coalesce(c.decided_by, '') ELSE '' END AS by,
        CASE WHEN e.type IS NOT NULL THEN array[e.type] ELSE coalesce(q.types, c.types, '{}') END AS types
    FROM fresh f LEFT JOIN cases c ON c.id = f.case_id
    LEFT JOIN effects e ON e.case_id = f.case_id AND f.type IN ('case.decided', 'case.overturned')
    LEFT JOIN escalations q ON q.case_id = f.case_id AND q.number = (f.data ->> 'number')::integer
),
typed AS MATERIALIZED (
    SELECT event, outcome, by,
        CASE WHEN cardinality(types) = 0 THEN ''
             ELSE coalesce((SELECT t FROM unnest(types) WITH ORDINALITY AS u (t, place) WHERE t = ANY ($1)
                            ORDER BY place LIMIT 1), $3) END AS type
    FROM named
),
counted AS (SELECT event, type, outcome, by, count(*) AS count FROM typed GROUP BY event, type, outcome, by),
kept AS (
    INSERT INTO tallies AS t (event, type, outcome, decided_by, count)
    SELECT * FROM counted
    ON CONFLICT (event, type, outcome, decided_by) DO UPDATE SET count = t.count + excluded.count
),
moved AS (
    UPDATE tallied SET position = (SELECT max(position) FROM fresh) WHERE EXISTS (SELECT FROM fresh)
)
SELECT count(*) FROM fresh
"""


async def tally(pool: Pool, types: Sequence[str]) -> int:
    """Count the events that have been numbered since the last time, each once, whoever counts.

    Args:
        pool: of the database.
        types: violation types that are counted by name; the corpus's, so that nobody else can add to them.

    Returns:
        How many there were.
    """
    total = 0
    while True:
        done: int = await pool.fetchval(_COUNT, list(types), _BATCH, OTHER)
        total += done
        if done < _BATCH:
            return total
