-- Come with the table website when it is made, and never again: what the user deletes stays deleted.
INSERT INTO website (name, url, regex) VALUES
    ('Example',       'https://example.com/',         'Example Domain'),
    ('IANA',          'https://www.iana.org/',        'Internet Assigned Numbers Authority'),
    ('PostgreSQL',    'https://www.postgresql.org/',  'PostgreSQL'),
    ('Debian',        'https://www.debian.org/',      'Debian'),
    ('Linux kernel',  'https://www.kernel.org/',      'Linux Kernel Archives'),
    ('No such host',  'http://no-such-host.invalid/', '');  -- never resolves: what an outage looks like
