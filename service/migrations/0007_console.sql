-- Who may sign in to the console, and what they did there.

CREATE TABLE accounts (
    id text COLLATE "C" PRIMARY KEY,         -- what one signs in with; the reviewer's id everywhere else
    name text NOT NULL,
    password text,                           -- argon2id; none until the invitation is taken up
    roles text[] NOT NULL DEFAULT '{}',
    tongue text NOT NULL DEFAULT '',         -- of the pages; empty: the browser's
    theme text NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark')),
    zone text NOT NULL DEFAULT '',           -- IANA name; empty: the browser's, told at signing in
    unveiled text[] NOT NULL DEFAULT '{}',   -- violation types whose pictures this person wants to see at once
    veiled text[] NOT NULL DEFAULT '{}',     -- and those that they want veiled
    failures integer NOT NULL DEFAULT 0,     -- wrong passwords in a row
    locked_until timestamptz,
    made_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);

-- A link that is good once: to choose a password. Without an account: to make the first administrator.
CREATE TABLE invitations (
    sha256 bytea PRIMARY KEY,
    account text COLLATE "C" REFERENCES accounts (id) ON DELETE CASCADE,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE sessions (
    id text PRIMARY KEY,                     -- to name it by; opens nothing
    sha256 bytea NOT NULL UNIQUE,            -- of the cookie's secret
    account text COLLATE "C" NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    browser text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX sessions_account ON sessions (account) WHERE ended_at IS NULL;

-- The audit log: every act of everybody, in the order in which they were done. Nothing changes or removes a row.
CREATE TABLE acts (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    act text NOT NULL,
    about text NOT NULL DEFAULT '',          -- a case, an account, a key…
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX acts_at ON acts (at);
CREATE INDEX acts_about ON acts (about, seq);
CREATE FUNCTION acts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
END $$;
CREATE TRIGGER acts_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON acts EXECUTE FUNCTION acts_stay();
