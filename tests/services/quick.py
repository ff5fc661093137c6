"""Settings that make a campaign quick."""

QUICK = ["--set", "trainer.epochs=20", "--set", "trainer.learning_rate=0.02"]
