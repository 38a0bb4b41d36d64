"""The domain that is only tested on (see domain.yaml)."""
