#!/bin/sh
# Run once, by the image of Postgres, when the volume is empty. psql takes the password from the environment.
set -eu
psql --quiet --username postgres --set ON_ERROR_STOP=1 <<'SQL'
\getenv password MLFLOW_PASSWORD
CREATE ROLE mlflow LOGIN PASSWORD :'password';
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE mlflow_users OWNER mlflow;
SQL
