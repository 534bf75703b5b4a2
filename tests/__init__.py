import gc

gc.set_threshold(10_000, 20, 50)  # for this process and those that it starts with `-m tests...`, as `cli.main` does
