"""The plane's database schema, step by step; a step that was released is never edited again."""
