"""`python -m show_kube`."""

from show_kube.cli import main

if __name__ == "__main__":
    main()
