"""The REST API of the retired Azure Anomaly Detector: its JSON, a client and a server of it."""
