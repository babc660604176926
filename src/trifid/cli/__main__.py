"""`python -m trifid.cli`, for launchers such as torchrun."""

from trifid.cli.main import main

if __name__ == "__main__":
    main()
