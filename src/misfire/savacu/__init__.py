"""The pipeline that builds the SaVaCu data set: a recipe in, a published data set out."""
