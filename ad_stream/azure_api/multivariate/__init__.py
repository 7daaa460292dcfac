"""The retired multivariate API: models trained from files, detection over a stretch or of the last rows, by `detectors.joint`."""
