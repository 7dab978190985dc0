"""The pipeline that builds the SaVaCu data set. It takes a recipe and publishes a data set."""
