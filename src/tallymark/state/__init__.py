"""The databases: opened, migrated, used in transactions; tokens and secrets."""
