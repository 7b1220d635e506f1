"""The journal on PostgreSQL: tables in one schema. The only code that imports asyncpg."""
