-- What people's decisions say of each clause: context for the cases that come after (service/precedents.py).
CREATE TABLE precedents (
    case_id text COLLATE "C" NOT NULL REFERENCES cases (id),
    clause_id text NOT NULL,
    clause_sha256 text NOT NULL,             -- of the clause's text as it was judged
    parts json NOT NULL,                     -- verdicts by judged part, in the clause's order
    title text NOT NULL,                     -- of the subject
    closed_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, clause_id)
);
CREATE INDEX precedents_clause ON precedents (clause_id, closed_at DESC);
CREATE INDEX effects_clause ON effects (clause_id);

-- What people have decided already. U+0000, which a listing may hold and text does not take, is U+FFFD here as elsewhere.
INSERT INTO precedents (case_id, clause_id, clause_sha256, parts, title, closed_at)
SELECT c.id, f.value ->> 'clause_id', f.value ->> 'clause_sha256',
       (SELECT json_object_agg(p.value ->> 'part', p.value ->> 'verdict' ORDER BY p.ordinality)
        FROM json_array_elements(f.value -> 'parts') WITH ORDINALITY AS p),
       read.body -> 'subject' ->> 'title', c.closed_at
FROM cases c
CROSS JOIN LATERAL (
    SELECT regexp_replace(convert_from(c.body, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json AS body,
           regexp_replace(convert_from(c.result, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json AS result
) AS read
CROSS JOIN LATERAL json_array_elements(read.result -> 'decision' -> 'findings') AS f
WHERE c.status = 'decided' AND c.decided_by = 'person'
AND EXISTS (
    SELECT 1 FROM json_array_elements(f.value -> 'parts') AS p
    WHERE p.value ->> 'basis' IN ('person', 'contrary') OR p.value ->> 'verdict' = 'met'
);
