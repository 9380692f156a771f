-- What a search over all cases looks through and sorts by.

ALTER TABLE cases ADD COLUMN title text NOT NULL DEFAULT '';  -- of the subject
UPDATE cases SET title = coalesce(replace(convert_from(body, 'UTF8'), '\u0000', '\ufffd')::json #>> '{subject,title}', '');

CREATE INDEX cases_latest ON cases ((coalesce(closed_at, received_at)) DESC, id DESC);
CREATE INDEX effects_clause ON effects (clause_id);
