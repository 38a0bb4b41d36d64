"""What every part needs: errors that are sentences, files written whole, a pool of processes."""
