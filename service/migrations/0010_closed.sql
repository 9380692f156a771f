-- What a search over all cases looks through and sorts by.

ALTER TABLE cases ADD COLUMN title text NOT NULL DEFAULT '';  -- of the subject
UPDATE cases SET title = coalesce(regexp_replace(
    convert_from(body, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g'
)::json #>> '{subject,title}', '');

CREATE INDEX cases_latest ON cases ((coalesce(closed_at, received_at)) DESC, id DESC);
