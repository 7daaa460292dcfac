"""What several detectors compute: filled gaps, residuals, saliency, the band, suppressed flags. Arrays in, arrays out."""
