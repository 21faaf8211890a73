"""The local store: a folder of Delta Lake tables that a sync writes and that readers open at any time."""
