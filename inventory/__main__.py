"""`python -m inventory` is the command `inventory`."""

from inventory.cli import main

if __name__ == "__main__":
    main()
