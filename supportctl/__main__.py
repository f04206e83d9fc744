"""`python -m supportctl`: the same as the command `supportctl`."""

from supportctl.cli.main import main

if __name__ == "__main__":
    main()
