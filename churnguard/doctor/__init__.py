"""What is wrong with an installation, in words: ``manage.py doctor``.

findings: what a check answers · own: settings, keys, folders, static files · servers: database, broker, workers, beat, clocks ·
outside: certificate and senders' domains · care: backups, dead jobs, mail that is held · examination: all of them, in order
"""
