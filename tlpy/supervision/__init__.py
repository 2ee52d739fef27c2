"""Standing watch over trainings: who trains a stage, what it died of, and what is started again."""
