-- What a reviewer's desk needs: a list that is read without opening a body, and what people do beside answering.

ALTER TABLE escalations
    ADD COLUMN headline jsonb NOT NULL DEFAULT '{}',  -- what a list shows of it (service/headline.py)
    ADD COLUMN sought text NOT NULL DEFAULT '',       -- what a search looks through: ids and title, folded
    ADD COLUMN group_key text,                        -- of its case, as is the next
    ADD COLUMN appeal_of text COLLATE "C";

-- What is open now. Its headline is read from its body: whoever has none yet is shown so.
-- U+0000, which a listing may hold and no text of PostgreSQL does, becomes U+FFFD.
UPDATE escalations e SET group_key = c.group_key, appeal_of = c.appeal_of, sought = lower(concat_ws(
    E'\n', c.id, c.subject_id, c.seller_id,
    replace(convert_from(c.body, 'UTF8'), '\u0000', '\ufffd')::json #>> '{subject,title}'
))
FROM cases c WHERE c.id = e.case_id AND e.answer IS NULL AND e.closed_at IS NULL AND e.number > 0;
UPDATE escalations e SET group_key = c.group_key, appeal_of = c.appeal_of, sought = lower(c.id)
FROM cases c WHERE c.id = e.case_id AND e.answer IS NULL AND e.closed_at IS NULL AND e.number = 0;

-- The order in which they press, for lists and claims: it ends as soon as enough is found.
CREATE INDEX escalations_pressing ON escalations ((-urgency), raised_at, case_id)
    WHERE answer IS NULL AND closed_at IS NULL;
CREATE INDEX escalations_group ON escalations (group_key)
    WHERE answer IS NULL AND closed_at IS NULL AND group_key IS NOT NULL;
CREATE INDEX escalations_answered_by ON escalations (answered_by, answered_at) WHERE answered_by IS NOT NULL;
CREATE INDEX escalations_appeal ON escalations (appeal_of)
    WHERE answer IS NULL AND closed_at IS NULL AND appeal_of IS NOT NULL;
CREATE INDEX opinions_reviewer ON opinions (reviewer);
CREATE INDEX cases_decided_by_person ON cases (closed_at) WHERE status = 'decided' AND decided_by = 'person';

-- Whom a case is not offered, and why.
CREATE TABLE skips (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id text COLLATE "C" NOT NULL REFERENCES cases (id),
    number integer NOT NULL,                 -- of the escalation that was in hand
    reviewer text NOT NULL,
    reason text NOT NULL CHECK (reason IN (
        'later', 'not_my_skill', 'conflict_of_interest', 'upsetting', 'handed_on'
    )),
    note text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    until timestamptz                        -- offered again from then on; none: never
);
CREATE INDEX skips_reviewer ON skips (reviewer, case_id);

-- What people say to each other about a case. The seller never sees it, and no judgement rests on it.
CREATE TABLE notes (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id text COLLATE "C" NOT NULL REFERENCES cases (id),
    by text NOT NULL,
    text text NOT NULL,
    asks text,                               -- a colleague who is asked to look
    hands_to text CHECK (hands_to IN ('senior', 'policy_team')),  -- why it was handed on
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notes_case ON notes (case_id, seq);
CREATE INDEX notes_asks ON notes (asks) WHERE asks IS NOT NULL;

-- A second person's judgements of what a first one has decided, without having seen them. They change nothing.
CREATE TABLE labels (
    case_id text COLLATE "C" PRIMARY KEY REFERENCES cases (id),
    number integer NOT NULL,                 -- of the escalation whose questions are judged
    reviewer text NOT NULL,
    claimed_until timestamptz NOT NULL,
    judgements jsonb,
    type text,                               -- of the first clause that was asked about
    region text,
    differing text[],                        -- parts judged otherwise than decided, `clause|part`
    given_at timestamptz
);
CREATE INDEX labels_given ON labels (given_at) WHERE given_at IS NOT NULL;
CREATE INDEX labels_reviewer ON labels (reviewer) WHERE given_at IS NULL;

-- How long somebody has looked at which veiled picture.
CREATE TABLE exposures (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reviewer text NOT NULL,
    case_id text COLLATE "C" NOT NULL REFERENCES cases (id),
    image text NOT NULL,
    seconds double precision NOT NULL CHECK (seconds >= 0),
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX exposures_reviewer ON exposures (reviewer, at);
