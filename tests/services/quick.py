"""Settings that make a campaign quick."""

QUICK = ["--recipe", "linear_probe", "--set", "trainer.epochs=20", "--set", "trainer.learning_rate=0.02"]
