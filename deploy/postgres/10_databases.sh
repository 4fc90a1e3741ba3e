#!/bin/sh
# A database for each server, owned by a user that reaches nothing else. The image runs it when it makes its data folder.
set -eu
: "${MLFLOW_DATABASE_PASSWORD:?}" "${PREFECT_DATABASE_PASSWORD:?}"

for name in mlflow prefect; do
    case $name in
        mlflow) password=$MLFLOW_DATABASE_PASSWORD ;;
        prefect) password=$PREFECT_DATABASE_PASSWORD ;;
    esac
    psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$name" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
