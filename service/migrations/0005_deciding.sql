-- Deciding: an answer that may be taken back for a while, and decisions that take two people.

ALTER TABLE cases ADD COLUMN resumes_at timestamptz;  -- no run begins before: until then its answer may be taken back

-- What people have said to an escalation that takes two of them: in order, the first and the second.
CREATE TABLE opinions (
    case_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,                 -- of the escalation
    digest text NOT NULL,                    -- of what they saw
    reviewer text NOT NULL,
    review bytea NOT NULL,                   -- JSON
    asked text NOT NULL,                     -- who was asked: the escalation's tier before this
    seq bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL,              -- when it can be taken back no more
    PRIMARY KEY (case_id, number, reviewer),
    FOREIGN KEY (case_id, number) REFERENCES escalations (case_id, number)
);

ALTER TABLE guards DROP CONSTRAINT guards_kind_check;
ALTER TABLE guards ADD CONSTRAINT guards_kind_check
    CHECK (kind IN ('person', 'kill', 'second', 'cap_per_hour', 'cap_per_seller'));
