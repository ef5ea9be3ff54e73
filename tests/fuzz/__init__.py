"""What is read from others, given anything at all: a sentence, or an answer, and nothing else.

Each module's tests are properties. `make test` tries a few hundred inputs of each; `make fuzz` (`python -m tests.fuzz`)
goes on for an hour, looks for inputs that reach code which none has reached before, and sees that nothing is opened,
run or spoken to that was not asked for.
"""
