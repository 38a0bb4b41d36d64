"""The domain to train on (see domain.yaml)."""
