"""`python -m kontinuum.app` is the command `kontinuum`."""

# Worker processes load this module again under another name, and need nothing of the command line.
if __name__ == "__main__":
    from kontinuum.app.cli import main

    main()
