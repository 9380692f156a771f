-- What operations look at: counts that stay cheap however many cases there are, and who is at work.

-- Numbered events, each counted once up to `tallied.position` (service/tallies.py).
CREATE TABLE tallies (
    event text NOT NULL,
    type text NOT NULL,                      -- of violation, as the corpus knows it; 'other', or empty for none
    outcome text NOT NULL,
    decided_by text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (event, type, outcome, decided_by)
);
CREATE TABLE tallied (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO tallied DEFAULT VALUES;

-- One row a worker process, which says again and again that it is there (service/duty.py).
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    slot integer NOT NULL,
    version text NOT NULL,
    running integer NOT NULL DEFAULT 0,      -- cases in flight
    begun_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- For the oldest that waits for a worker: a first pass by when it came, another by when it was answered.
CREATE INDEX cases_first_pass ON cases (received_at) WHERE status = 'queued' AND number = 0;
CREATE INDEX escalations_answered ON escalations (answered_at) WHERE answer IS NOT NULL AND closed_at IS NULL;
CREATE INDEX cases_cancelled ON cases (closed_at) WHERE status = 'cancelled';
CREATE INDEX deliveries_failed ON deliveries (position) WHERE status = 'failed';
