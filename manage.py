#!/usr/bin/env python
"""ChurnGuard's command line."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")
    os.environ.setdefault("LOG_STREAM", "stderr")  # stdout is the command's own answer
    from django.core.management import execute_from_command_line

    from core.starting import require_settings

    require_settings()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
