#!/usr/bin/env python
"""Django's command line, with the embedded servers up where no URL names others."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

WITHOUT_SERVERS = {"help", "version", "--help", "-h", "--version"}


def main() -> None:
    """Run one management command."""
    if len(sys.argv) > 1 and not WITHOUT_SERVERS.intersection(sys.argv):
        from loyalty import embedded

        embedded.hold()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
