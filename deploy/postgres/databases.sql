-- A database for each service; the tables are made by their migrations.
CREATE DATABASE backend_api;
CREATE DATABASE ml_engine;
CREATE DATABASE data_pipeline;
