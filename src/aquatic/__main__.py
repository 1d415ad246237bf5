"""`python -m aquatic` is the `aquatic` command."""

import sys

from aquatic.cli import main

sys.exit(main())
