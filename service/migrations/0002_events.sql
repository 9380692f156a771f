-- How far events are gone: a cursor behind this has missed some, and is told so.
CREATE TABLE event_horizon (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO event_horizon DEFAULT VALUES;
CREATE INDEX events_at ON events USING brin (at);  -- for the purge, which asks for the oldest

ALTER TABLE webhooks
    ADD COLUMN old_secret_until timestamptz,  -- until when every secret but the newest signs, too
    ADD COLUMN failing_since timestamptz,     -- of the first failure since something last got through
    ADD COLUMN failed_at timestamptz;         -- of the last failure

-- Claims are made a webhook at a time, so that a slow receiver holds up nobody else's.
DROP INDEX deliveries_pending;
CREATE INDEX deliveries_pending ON deliveries (webhook_id, next_at) WHERE status = 'pending';
CREATE INDEX deliveries_position ON deliveries (position);  -- what the purge asks by
