"""What an impression is likely to lead to: features, models, calibration, training, and the models in service."""
