"""What the estimators share: parameters, the course of a fit, classes, compatibility."""
