-- What figures are made of, beside each case, so that no result is opened for them.

ALTER TABLE cases ADD COLUMN judged jsonb NOT NULL DEFAULT '{}';  -- what deciding it took: model, calls, tokens, cost
UPDATE cases SET judged = jsonb_build_object(
    'model', coalesce(nullif(read.auditor ->> 'model', ''), read.auditor ->> 'name'),
    'model_calls', (read.usage ->> 'model_calls')::integer, 'tool_calls', (read.usage ->> 'tool_calls')::integer,
    'tokens_in', (read.usage ->> 'tokens_in')::integer, 'tokens_out', (read.usage ->> 'tokens_out')::integer,
    'tokens_cached', (read.usage ->> 'tokens_cached')::integer, 'cost', read.usage ->> 'cost'
)
FROM (
    SELECT c.id, decision -> 'auditor' AS auditor, decision -> 'usage' AS usage
    FROM cases c, LATERAL (
        SELECT regexp_replace(
            convert_from(c.result, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g'
        )::json -> 'decision' AS decision
    ) AS result
    WHERE c.status = 'decided' AND c.result IS NOT NULL
) AS read
WHERE read.id = cases.id;

-- Recommendations of what was handed over by an earlier release are not told in its headline, and not counted.
CREATE INDEX cases_closed ON cases (closed_at) WHERE closed_at IS NOT NULL;
