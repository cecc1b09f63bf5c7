"""AWS Glue: the catalogue, classifiers, crawlers that look into their targets, and Spark jobs that really run."""
