"""The API described: the OpenAPI document for programs, and a page that shows it to people."""
