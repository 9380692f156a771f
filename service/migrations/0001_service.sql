-- What the service keeps. The queue's and the checkpoints' own tables come from their libraries (service/migrate.py).

-- One row a case: the truth about it. A job in the queue is only a wish to have it run, and may be lost or come twice.
CREATE TABLE cases (
    id text COLLATE "C" PRIMARY KEY,
    body bytea NOT NULL,                     -- the case as JSON, as it came in
    sha256 bytea NOT NULL,                   -- of the body, canonical: what tells a repeated submission from another
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'waiting', 'decided', 'cancelled')),
    epoch integer NOT NULL DEFAULT 0,        -- which run may write: every claim is the next
    attempts smallint NOT NULL DEFAULT 0,    -- claims since the case last got on
    urgency integer NOT NULL DEFAULT 0,      -- as the queue orders it: class, then due date
    due_at timestamptz,                      -- our own clock
    deadline_at timestamptz,                 -- an authority's or a seller's
    region text NOT NULL,
    language text,
    types text[] NOT NULL DEFAULT '{}',      -- suspected and reported violation types
    seller_id text NOT NULL,
    subject_id text NOT NULL,
    revision text,                           -- of the subject, as the case was made
    group_key text,
    appeal_of text COLLATE "C" REFERENCES cases (id),
    received_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz,                    -- of the last claim
    closed_at timestamptz,                   -- decided or cancelled
    number integer NOT NULL DEFAULT 0,       -- of the last escalation
    result bytea,                            -- the last result line, JSON
    outcome text,                            -- violation, no_violation
    action text,
    decided_by text,                         -- agent, person
    overturned_at timestamptz
);
CREATE INDEX cases_open ON cases (status, urgency DESC, received_at) WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX cases_received ON cases (received_at, id);
CREATE INDEX cases_seller ON cases (seller_id, received_at);
CREATE INDEX cases_subject ON cases (subject_id);
CREATE INDEX cases_appeals ON cases (appeal_of) WHERE appeal_of IS NOT NULL;

-- Every paid or outside call of a case, recorded before its answer is used (cases/journal.py).
CREATE TABLE journal (
    case_id text COLLATE "C" NOT NULL,
    slot text NOT NULL,
    request text NOT NULL,
    answer bytea NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, slot, request)
);

-- A case handed to a person: answered once, under its number and digest.
CREATE TABLE escalations (
    case_id text COLLATE "C" NOT NULL REFERENCES cases (id),
    number integer NOT NULL,
    digest text NOT NULL,
    body bytea NOT NULL,                     -- the escalation, JSON
    reasons text[] NOT NULL,
    waiting_for text NOT NULL,               -- reviewer, senior, seller, policy_team
    region text NOT NULL,
    language text NOT NULL,
    types text[] NOT NULL,
    thread text NOT NULL,                    -- the checkpoints' name of the paused run
    interrupt_id text NOT NULL,              -- what the answer resumes
    urgency integer NOT NULL DEFAULT 0,
    due_at timestamptz,
    deadline_at timestamptz,
    raised_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    claimed_by text,
    claimed_until timestamptz,
    answer bytea,                            -- JSON
    answered_by text,
    answered_at timestamptz,
    closed_at timestamptz,                   -- the run has gone on, or the case is over
    PRIMARY KEY (case_id, number)
);
CREATE INDEX escalations_open ON escalations (waiting_for, urgency DESC, raised_at) WHERE answer IS NULL AND closed_at IS NULL;
CREATE INDEX escalations_expiry ON escalations (expires_at) WHERE answer IS NULL AND closed_at IS NULL;

-- The outbox: written in the transaction of what it tells. `position` is given afterwards, in the order of commits, so that
-- a reader's cursor never passes an event that commits late.
CREATE TABLE events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position bigint UNIQUE,
    id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    type text NOT NULL,
    case_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE SEQUENCE event_positions OWNED BY events.position;
CREATE INDEX events_unnumbered ON events (seq) WHERE position IS NULL;
CREATE INDEX events_case ON events (case_id, seq);

CREATE TABLE webhooks (
    id text PRIMARY KEY,
    url text NOT NULL,
    types text[] NOT NULL DEFAULT '{}',      -- empty: every event
    form text NOT NULL DEFAULT 'cloudevent' CHECK (form IN ('cloudevent', 'coop')),
    secrets text[] NOT NULL,                 -- newest first; while two are there, both sign
    enabled boolean NOT NULL DEFAULT true,
    disabled_why text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE deliveries (
    webhook_id text NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    position bigint NOT NULL REFERENCES events (position),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    answered integer,                        -- the receiver's last HTTP status
    error text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    PRIMARY KEY (webhook_id, position)
);
CREATE INDEX deliveries_pending ON deliveries (next_at) WHERE status = 'pending';

-- What a decision did: the ledger from which strikes are counted and caps are kept.
CREATE TABLE effects (
    case_id text COLLATE "C" PRIMARY KEY REFERENCES cases (id),
    seller_id text NOT NULL,
    subject_id text NOT NULL,
    subject_title text NOT NULL,
    type text NOT NULL,
    clause_id text NOT NULL,
    action text NOT NULL,
    step integer NOT NULL,
    decided_by text NOT NULL,
    at timestamptz NOT NULL,                 -- of the decision
    concluded_at timestamptz NOT NULL DEFAULT now(),
    reversed_at timestamptz,
    reversed_by text NOT NULL DEFAULT ''     -- who overturned it
);
CREATE INDEX effects_seller ON effects (seller_id, at);
CREATE INDEX effects_alone ON effects (concluded_at) WHERE decided_by = 'agent';

-- What the platform has told us of its subjects and sellers.
CREATE TABLE subjects (
    id text PRIMARY KEY,
    revision text NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE sellers (
    id text PRIMARY KEY,
    record jsonb NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE images (
    sha256 text PRIMARY KEY,                 -- of the content as stored
    media_type text NOT NULL,
    content bytea NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE keys (
    id text PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    revoked_at timestamptz
);

-- What may run alone. An empty action or type means every one.
CREATE TABLE guards (
    kind text NOT NULL CHECK (kind IN ('person', 'kill', 'cap_per_hour', 'cap_per_seller')),
    action text NOT NULL DEFAULT '',
    type text NOT NULL DEFAULT '',
    cap integer CHECK (cap >= 0),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, action, type)
);

-- Who may take which questions. An empty list means every one.
CREATE TABLE reviewers (
    id text PRIMARY KEY,
    languages text[] NOT NULL DEFAULT '{}',
    regions text[] NOT NULL DEFAULT '{}',
    types text[] NOT NULL DEFAULT '{}',
    tiers text[] NOT NULL DEFAULT '{reviewer}',
    told_at timestamptz NOT NULL DEFAULT now()
);

-- One row an endpoint and model: how much of this minute's requests and tokens is used, and whether it answers at all.
CREATE TABLE model_limits (
    name text PRIMARY KEY,
    requests double precision NOT NULL DEFAULT 0,
    tokens double precision NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    open_until timestamptz
);
