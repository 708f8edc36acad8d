"""What a host of MCPB bundles starts: the server from the folder beside this file."""  # noqa: INP001

import sys

from turnout.cli.main import main

if __name__ == "__main__":
    sys.argv[1:1] = ["mcp"]
    main()
