"""`python -m campaignsync` is `campaignsync`."""

from campaignsync.cli import main

if __name__ == "__main__":
    main()
