"""How the gimbal really stands: model, fit, uncertainty."""
