"""What users set: recipes, trainers, how people label, and the environment."""
