-- When each thing was last done: many processes offer to do it, and one does.
CREATE TABLE upkeep (
    task text PRIMARY KEY,
    done_at timestamptz NOT NULL
);
