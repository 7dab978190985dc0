"""Model providers of ours, registered with Inspect."""
