"""The domain of the shipped rooms (see domain.yaml)."""
