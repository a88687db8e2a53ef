"""`python -m agentvoice` is `agentvoice`."""

from agentvoice.cli import main

if __name__ == "__main__":
    main()
