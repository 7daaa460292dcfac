"""What `serve` and `dashboard` share: limits on connections, on bodies, and on who may ask."""
