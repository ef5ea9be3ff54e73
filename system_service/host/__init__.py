"""`system host`: setting the package up on a switch. Beside it lie the files that the wheel puts there."""
