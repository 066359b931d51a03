"""The open, lasting truth: one Iceberg table a stream, each batch in it and in the ledger or in
neither."""
