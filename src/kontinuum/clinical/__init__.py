"""Clinical knowledge that several features and services judge by, so that none says something else. Pure."""
