"""`python -m config_kube`."""

from config_kube.cli import main

if __name__ == "__main__":
    main()
